"""M-Pesa's own time at which a refund or payout moved its money."""

from typing import Any

from mpesa_service.commands.command import Report
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.paid_at import believed
from mpesa_service.models.commands import MovedColumns


def keep_time(row: Any, report: Report, cause: Cause) -> None:
    """Keep the time that a report of a success states, if none is known and it can be true."""
    if not isinstance(row, MovedColumns) or row.paid_at is not None:
        return
    stated = believed(report.moved_at, cause.at, row.created_at)  # type: ignore[attr-defined]
    if stated is not None:
        row.paid_at, row.paid_at_source = stated, str(report.evidence)
