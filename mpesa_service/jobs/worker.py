"""The Celery app: celery -A mpesa_service.jobs.worker worker --beat --pool threads --concurrency 4"""

import sys
from typing import Any

from celery.signals import setup_logging, worker_shutting_down

from mpesa_service.config import ConfigurationError, load_settings
from mpesa_service.core import log_format
from mpesa_service.jobs.celery_app import make_celery
from mpesa_service.webhooks import deliver


@setup_logging.connect
def _configure_logging(**_: Any) -> None:
    log_format.configure(load_settings().log_level)


@worker_shutting_down.connect
def _stop_deliveries(**_: Any) -> None:
    deliver.stopping.set()


try:
    app = make_celery(load_settings())
except ConfigurationError as error:
    sys.exit(str(error))
