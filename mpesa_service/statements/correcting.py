"""The same file with another heading: a user corrects a shortcode, account or period, until it is applied."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.statements import StatementStatus
from mpesa_service.errors import Conflict
from mpesa_service.models import Statement, StatementLineRow, StatementTexts
from mpesa_service.statements.heading import Heading
from mpesa_service.statements.records import StatementRecord

STORED = "This file is stored as statement {}, of shortcode {}, account {!r} and period {}."
_NAMES = ("shortcode", "account", "period_from", "period_to")


def differs(found: StatementRecord, heading: Heading) -> bool:
    """Return whether the file, its name or the user now says something else than what is stored."""
    stated = {name: value for name in _NAMES if (value := getattr(heading, name))}
    return any(value != getattr(found, name) for name, value in stated.items())


def remove_unapplied(runtime: Runtime, found: StatementRecord) -> None:
    """Remove a statement that changed nothing yet, so that it is read again with its new heading.

    Raises Conflict if it was applied, or if another file shares its lines.
    """
    with runtime.database.begin() as session:
        unapplied = (Statement.id == found.id, Statement.status == StatementStatus.READ)
        row = session.scalars(select(Statement).where(*unapplied).with_for_update()).one_or_none()
        if row is None or row.applied_at is not None or _shares_lines(session, row):
            period = " to ".join(_time(at) for at in (found.period_from, found.period_to))
            message = STORED.format(found.id, found.shortcode, found.account, period)
            raise Conflict(message, code="statement_differs", details={"statementId": found.id})
        for table in (StatementLineRow, StatementTexts):
            session.execute(delete(table).where(table.statement_id == found.id))
        session.delete(row)


def _shares_lines(session: Session, row: Statement) -> bool:
    """Return whether another file of the same time may rest on the lines of this one."""
    sharing = Statement.new_count < Statement.line_count
    others = (Statement.shortcode == row.shortcode, Statement.id != row.id, sharing)
    if row.first_at is None or row.last_at is None:
        return False
    overlapping = (Statement.first_at <= row.last_at, Statement.last_at >= row.first_at)
    return session.scalar(select(Statement.id).where(*others, *overlapping).limit(1)) is not None


def _time(at: datetime | None) -> str:
    return at.isoformat() if at else "unknown"
