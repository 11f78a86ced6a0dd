"""Lines as the service logs them."""

import logging
from typing import Any

from mpesa_service.core.log_format import RedactingFormatter


def record_of(
    message: object = "hello", *args: object, exc_info: Any = None, **extra: Any
) -> logging.LogRecord:
    return logging.getLogger("mpesa_service.test").makeRecord(
        "mpesa_service.test", logging.INFO, __file__, 1, message, args, exc_info, extra=extra
    )


def line_of(message: object = "hello", *args: object, exc_info: Any = None, **extra: Any) -> str:
    return RedactingFormatter().format(record_of(message, *args, exc_info=exc_info, **extra))
