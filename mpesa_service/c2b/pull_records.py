"""Lists the pulls, newest first, with their outcomes."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from mpesa_service.core.records import record_from
from mpesa_service.core.runtime import Runtime
from mpesa_service.models import Pull


@dataclass(frozen=True)
class PullRecord:
    """A pull and its outcome. Counts are of rows; `booked` includes money that waits to be matched."""

    id: int
    shortcode: str
    window_from: datetime
    window_to: datetime
    gap_from: datetime | None
    status: str
    pages: int
    rows_seen: int
    booked: int
    known: int
    disputed: int
    unreadable: int
    result_code: str | None
    error: str | None
    requested_by: str
    started_at: datetime
    finished_at: datetime | None


def pull_record(row: Pull) -> PullRecord:
    """Return a pull as a record."""
    return record_from(PullRecord, row, status=str(row.status))


def list_pulls(runtime: Runtime, limit: int = 20, shortcode: str | None = None) -> list[PullRecord]:
    """Return the last pulls, newest first."""
    statement = select(Pull).order_by(Pull.id.desc()).limit(limit)
    if shortcode is not None:
        statement = statement.where(Pull.shortcode == shortcode)
    with runtime.database.read() as session:
        return [pull_record(row) for row in session.scalars(statement)]
