"""The Celery app: celery -A mpesa_service.jobs.worker worker --beat --pool threads --concurrency 4"""

import sys
from typing import Any

from celery.signals import setup_logging, worker_init, worker_shutting_down

from mpesa_service.config import ConfigurationError, load_settings
from mpesa_service.core import log_format
from mpesa_service.core.runtime import build_runtime
from mpesa_service.jobs.celery_app import make_celery
from mpesa_service.operations.used_keys import start_problem
from mpesa_service.webhooks import deliver


@setup_logging.connect
def _configure_logging(**_: Any) -> None:
    log_format.configure(load_settings().log_level)


@worker_init.connect
def _check_keys(**_: Any) -> None:
    if problem := start_problem(build_runtime(load_settings())):
        sys.exit(problem)


@worker_shutting_down.connect
def _stop_deliveries(**_: Any) -> None:
    deliver.stopping.set()


try:
    app = make_celery(load_settings())
except ConfigurationError as error:
    sys.exit(str(error))
