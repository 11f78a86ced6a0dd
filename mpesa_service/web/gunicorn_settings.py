"""The settings of gunicorn, for `mpesa serve`. In a clone, `gunicorn` reads them from gunicorn.conf.py."""

import gc
import sys
from dataclasses import replace

from gunicorn import glogging
from gunicorn.arbiter import Arbiter

from mpesa_service.config import GRACEFUL_SECONDS, ConfigurationError, load_settings, unsafe_settings
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
graceful_timeout = GRACEFUL_SECONDS
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


_thresholds = gc.get_threshold()


def post_fork(_server: object, _worker: object) -> None:
    """Load the application with fewer garbage collections: a tenth less CPU at the start.

    `python -c "import wsgi"` takes 0.99 s of CPU and 95.3 MiB; with these thresholds 0.88 s and 95.7 MiB; and
    without any collection 0.84 s and 97.6 MiB (medians of 6, interleaved).
    """
    gc.set_threshold(5_000, 50, 100)


def post_worker_init(_worker: object) -> None:
    """Collect garbage as Python does by default, now that the application is loaded."""
    gc.set_threshold(*_thresholds)


def on_starting(server: Arbiter) -> None:
    """Check again with the number of workers of the command line."""
    settings = replace(_settings, web_concurrency=server.cfg.workers)
    if problems := unsafe_settings(settings):
        sys.exit(str(ConfigurationError(problems)))
