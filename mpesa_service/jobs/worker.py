"""The Celery app: celery -A mpesa_service.jobs.worker worker --beat --pool threads --concurrency 4"""

import sys
from typing import Any

from celery.signals import setup_logging

from mpesa_service import logs
from mpesa_service.config import ConfigurationError, Settings
from mpesa_service.jobs.celery_app import make_celery


@setup_logging.connect
def _log_as_we_do(**_: Any) -> None:
    logs.configure(Settings.from_env().log_level)


try:
    app = make_celery(Settings.from_env())
except ConfigurationError as error:
    sys.exit(str(error))
