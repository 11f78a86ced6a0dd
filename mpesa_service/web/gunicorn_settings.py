"""The settings of gunicorn, for `mpesa serve`. In a clone, `gunicorn` reads them from gunicorn.conf.py."""

import gc
import sys
from dataclasses import replace

from gunicorn import glogging
from gunicorn.arbiter import Arbiter

from mpesa_service.config import ConfigurationError, load_settings, unsafe_settings
from mpesa_service.core.log_format import RedactingFormatter


class logger_class(glogging.Logger):  # type: ignore[misc]  # noqa: N801 - gunicorn's name for the setting
    """Writes no access log, because paths contain callback tokens and CheckoutRequestIDs.

    `accesslog = None` is not enough: with a `logconfig_dict`, gunicorn makes the line nevertheless.
    """

    def access(self, *_args: object) -> None:
        """Write nothing."""


try:
    _settings = load_settings()
except ConfigurationError as error:
    sys.exit(str(error))

bind = _settings.bind_address
workers = _settings.web_concurrency
worker_class = "gthread"
threads = _settings.web_threads
timeout = 60
# Longer than Daraja's connect and read time-outs together, so that a push under way can finish.
graceful_timeout = 30
keepalive = 75
max_requests = 20_000
max_requests_jitter = 2_000
accesslog = None
control_socket_disable = True
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": RedactingFormatter}},
    "handlers": {"stderr": {"class": "mpesa_service.core.log_format.LineHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "gunicorn.error": {"level": "INFO", "propagate": True, "handlers": []},
        "alembic": {"level": "WARNING"},
    },
}


def post_fork(_server: object, _worker: object) -> None:
    """Load the application without garbage collections: a tenth to a fifth less CPU at the start.

    Compare `python -c "import wsgi"` (1.62 s of CPU, median of 6) with
    `python -c "import gc; gc.disable(); import wsgi"` (1.46 s).
    """
    gc.disable()


def post_worker_init(_worker: object) -> None:
    """Collect garbage as Python does by default, now that the application is loaded."""
    gc.enable()


def on_starting(server: Arbiter) -> None:
    """Check again with the workers that the command line asked for."""
    settings = replace(_settings, web_concurrency=server.cfg.workers)
    if problems := unsafe_settings(settings):
        sys.exit(str(ConfigurationError(problems)))
