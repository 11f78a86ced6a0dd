"""A stored statement as admins see it."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from mpesa_service.core.records import record_from
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.statements import LineKind
from mpesa_service.errors import NotFound
from mpesa_service.models import Statement


@dataclass(frozen=True)
class StatementRecord:
    """A statement: its file, its contents in cents, its checks, and what a comparison found."""

    id: str
    sha256: str
    name: str
    shape: str
    container: str
    shortcode: str
    account: str
    period_from: datetime | None
    period_to: datetime | None
    first_at: datetime | None
    last_at: datetime | None
    date_order: str | None
    date_order_reason: str | None
    status: str
    row_position: int
    line_count: int
    new_count: int
    unread_count: int
    paid_in_cents: int
    withdrawn_cents: int
    balanced: bool | None
    findings: list[str]
    unread: list[dict[str, Any]]
    accounts: list[dict[str, Any]]
    report: dict[str, Any]
    progress: dict[str, Any]
    created_by: str
    created_at: datetime
    read_at: datetime | None
    applied_by: str | None
    applied_at: datetime | None
    broken_balance_reason: str | None
    failure_reason: str | None
    withdrawn_at: datetime | None
    withdrawn_by: str | None
    withdrawal_reason: str | None

    @property
    def kinds(self) -> Counter[str]:
        """The lines of the file by kind; empty if the file was imported before they were counted."""
        return sum((Counter(one.get("kinds", {})) for one in self.accounts), Counter())

    @property
    def not_completed_count(self) -> int:
        """The lines of transactions that failed or were canceled."""
        return self.kinds[LineKind.NOT_COMPLETED]


def find_statement(runtime: Runtime, **unique: str) -> StatementRecord | None:
    """Return the statement with this `id` or `sha256`, or None."""
    with runtime.database.read() as session:
        row = session.scalars(select(Statement).filter_by(**unique)).one_or_none()
        return None if row is None else record_from(StatementRecord, row)


def get_statement(runtime: Runtime, statement_id: str) -> StatementRecord:
    """Return a statement. Raises NotFound."""
    # PostgreSQL takes no NUL in a text.
    found = find_statement(runtime, id=statement_id) if statement_id.isprintable() else None
    if found is None:
        raise NotFound("There is no such statement.")
    return found


def list_statements(runtime: Runtime, limit: int, after: str = "") -> list[StatementRecord]:
    """Return statements, newest first; those older than the one with the id `after`."""
    statement = select(Statement).order_by(Statement.id.desc()).limit(limit)
    with runtime.database.read() as session:
        rows = session.scalars(statement.where(Statement.id < after) if after else statement)
        return [record_from(StatementRecord, row) for row in rows]
