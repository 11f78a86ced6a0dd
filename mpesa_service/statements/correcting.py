"""The same file with another heading: a user corrects a shortcode, account or period, until it is applied."""

from datetime import datetime

from sqlalchemy import and_, delete, select
from sqlalchemy.orm import Session

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.moments import local_text
from mpesa_service.domain.statements import DateOrder, StatementStatus
from mpesa_service.errors import Conflict
from mpesa_service.models import Statement, StatementTexts
from mpesa_service.models import StatementLineRow as Line
from mpesa_service.models import StatementSharedLine as Shared
from mpesa_service.statements.heading import Heading
from mpesa_service.statements.records import StatementRecord

STORED = (
    "This file is stored as statement {}, of shortcode {}, account {!r} and period {}, dates {}. It keeps"
    " them, because it was applied, or because other files have its lines."
)
_NAMES = ("shortcode", "account", "period_from", "period_to")


def differs(found: StatementRecord, heading: Heading, dates: DateOrder | None) -> bool:
    """Return whether the file, its name or the user now says something else than what is stored."""
    return bool(_differing(found, heading)) or has_other_order(found, dates)


def has_other_order(found: StatementRecord, dates: DateOrder | None) -> bool:
    """Return whether the user states another order of the dates than the one in which they were read."""
    return None not in (dates, found.date_order) and dates != found.date_order


def names_account(found: StatementRecord, heading: Heading) -> bool:
    """Return whether the user now names the account that was not known, and nothing else differs."""
    return not found.account and _differing(found, heading) == {"account"}


def _differing(found: StatementRecord, heading: Heading) -> set[str]:
    stated = {name: value for name in _NAMES if (value := getattr(heading, name))}
    return {name for name, value in stated.items() if _folded(value) != _folded(getattr(found, name))}


def _folded(value: object) -> object:
    return value.casefold() if isinstance(value, str) else value


def remove_unapplied(runtime: Runtime, found: StatementRecord) -> None:
    """Remove a statement that changed nothing yet, so that it is read again with its new heading.

    Raises Conflict if it was applied, or if another file shares its lines.
    """
    with runtime.database.begin() as session:
        unapplied = (Statement.id == found.id, Statement.status == StatementStatus.READ)
        row = session.scalars(select(Statement).where(*unapplied).with_for_update()).one_or_none()
        if row is None or row.applied_at is not None or _shares_lines(session, row):
            period = " to ".join(_time(at) for at in (found.period_from, found.period_to))
            dates = found.date_order or "of one meaning"
            message = STORED.format(found.id, found.shortcode, found.account, period, dates)
            raise Conflict(message, code="statement_differs", details={"statementId": found.id})
        for table in (Line, Shared, StatementTexts):
            session.execute(delete(table).where(table.statement_id == found.id))
        session.delete(row)


def _shares_lines(session: Session, row: Statement) -> bool:
    """Return whether another file rests on lines of this one."""
    if row.first_at is None or row.last_at is None:
        return False
    # Few statements have the same time, so the key of their shared lines is enough.
    same_time = (Statement.first_at <= row.last_at, Statement.last_at >= row.first_at)
    others = select(Statement.id).where(Statement.id != row.id, *same_time)
    shared = and_(Shared.receipt == Line.receipt, Shared.line_hash == Line.line_hash)
    found = select(Shared.statement_id).join(Line, shared)
    of_this = (Line.statement_id == row.id, Shared.statement_id.in_(others))
    return session.scalar(found.where(*of_this).limit(1)) is not None


def _time(at: datetime | None) -> str:
    return local_text(at) if at else "unknown"
