"""The account of a statement whose file does not name it: the user says it, or another file with its lines.

Coverage and comparisons are by account. So as soon as the account of one file is known, all files that share
lines with it get the same name.
"""

from dataclasses import replace
from typing import Any

from sqlalchemy import select, update

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.statements import STATES_START
from mpesa_service.models import Statement
from mpesa_service.models.driver import Statement as SqlStatement
from mpesa_service.statements.records import StatementRecord, get_statement
from mpesa_service.statements.window import query, spelled

RANGE = 10_000
"""Lines in one transaction."""
_SHARED = """
    FROM statement_shared_lines h
    JOIN statement_lines l ON l.receipt = h.receipt AND l.line_hash = h.line_hash
    WHERE l.statement_id <> h.statement_id AND l.kind NOT IN ('sweep', 'withdrawal', 'not_completed')
"""
"""Sweeps and withdrawals may be of another account than the file."""
_KNOWN = f"SELECT DISTINCT l.account {_SHARED} AND h.statement_id = ? AND l.account <> ''"
_UNNAMED_OWNERS = f"SELECT DISTINCT l.statement_id {_SHARED} AND h.statement_id = ? AND l.account = ''"
_UNNAMED_SHARERS = f"""
    SELECT t.id FROM statements t WHERE t.shortcode = ? AND t.account = '' AND t.shape <> ? AND t.id <> ?
    AND t.first_at <= ? AND t.last_at >= ?
    AND EXISTS (SELECT 1 {_SHARED} AND h.statement_id = t.id AND l.statement_id = ?)
"""
_NAME_LINES = """
    UPDATE statement_lines SET account = ?
    WHERE statement_id = ? AND row_number BETWEEN ? AND ? AND account = ''
"""


def join_accounts(runtime: Runtime, record: StatementRecord) -> StatementRecord:
    """Name the account of a statement by the lines that it shares, and that of the others that share its own.

    Nothing is named if its lines are of several accounts.
    """
    if record.shape == STATES_START or record.first_at is None:
        return record
    account = record.account or _known(runtime, record)
    if not account:
        return record
    waiting, seen = [record], {record.id}
    while waiting:
        one = waiting.pop()
        name_account(runtime, one, account)
        for other in _unnamed_beside(runtime, one):
            if other not in seen:
                seen.add(other)
                waiting.append(get_statement(runtime, other))
    return get_statement(runtime, record.id)


def name_account(runtime: Runtime, record: StatementRecord, account: str) -> StatementRecord:
    """Name the account of a statement and of its lines, if it has no name; return it. It can be repeated."""
    if record.account:
        return record
    for first in range(1, record.row_position + 1, RANGE):
        with runtime.database.writing() as connection:
            sql = spelled(_NAME_LINES, postgres=connection.is_postgres)
            values = (account, record.id, first, first + RANGE - 1)
            connection.execute([SqlStatement(sql, values, required=False)])
    with runtime.database.begin() as session:
        row = session.scalars(select(Statement).where(Statement.id == record.id).with_for_update()).one()
        named: list[dict[str, Any]] = [one | {"account": one["account"] or account} for one in row.accounts]
        session.execute(
            update(Statement).where(Statement.id == row.id).values(account=account, accounts=named)
        )
    return replace(record, account=account, accounts=named)


def _known(runtime: Runtime, record: StatementRecord) -> str:
    """Return the one named account of the lines that a statement shares, or an empty text."""
    names = {name.casefold(): name for (name,) in query(runtime, _KNOWN, (record.id,))}
    return next(iter(names.values())) if len(names) == 1 else ""


def _unnamed_beside(runtime: Runtime, record: StatementRecord) -> list[str]:
    """Return the statements without an account that have lines of this one, or store lines of this one."""
    owners = query(runtime, _UNNAMED_OWNERS, (record.id,))
    time = (record.last_at, record.first_at)
    values = (record.shortcode, STATES_START, record.id, *time, record.id)
    return sorted({one for (one,) in [*owners, *query(runtime, _UNNAMED_SHARERS, values)]})
