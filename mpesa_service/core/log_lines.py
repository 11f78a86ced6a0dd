"""Log lines that follow a commit. What is committed stays committed, whatever becomes of its lines."""

import logging
import sys
import traceback
from collections.abc import Iterable

from mpesa_service.domain.plans import LogLine


def write_lines(lines: Iterable[LogLine]) -> None:
    """Write log lines. A handler or filter that raises is reported on standard error and stops nothing."""
    for line in lines:
        try:
            logging.getLogger(line.logger).log(line.level, line.message, extra=dict(line.extra))
        except Exception:  # noqa: BLE001 - the commit has happened, and must not be repeated
            traceback.print_exc(file=sys.stderr)
