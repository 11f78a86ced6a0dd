"""Lines that another statement has stored in another shape, or without the name of its account.

The key of a line has its account and M-Pesa's word for it. Shape B names no account and has other words, so
its lines have other keys than those of shape A. Receipt, time, amount and kind are the same. Shape C is left
out: its times are those at which transactions began.
"""

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.statements import STATES_START
from mpesa_service.models.driver import Driver
from mpesa_service.models.driver import Statement as SqlStatement
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.window import query, spelled

_OTHERS = """
    SELECT 1 FROM statements WHERE shortcode = ? AND id <> ? AND shape <> ?
    AND (shape <> ? OR (account <> ? AND '' IN (account, ?))) LIMIT 1
"""
_TWINS = """
    FROM statement_lines o
    JOIN statement_lines l ON l.receipt = o.receipt AND l.amount_cents = o.amount_cents
        AND l.completed_at = o.completed_at AND l.kind = o.kind AND l.statement_id <> o.statement_id
        AND (LOWER(l.account) = LOWER(o.account) OR '' IN (l.account, o.account))
    JOIN statements s ON s.id = l.statement_id AND s.shortcode = ? AND s.shape <> ?
        AND (s.shape <> ? OR l.type = o.type)
    WHERE o.statement_id = ? AND o.row_number BETWEEN ? AND ?
"""
_SHARE = f"""
    INSERT INTO statement_shared_lines (statement_id, receipt, line_hash, row_number)
    SELECT o.statement_id, l.receipt, MIN(l.line_hash), o.row_number {_TWINS}
    GROUP BY o.statement_id, o.row_number, l.receipt ON CONFLICT DO NOTHING
"""
_REMOVE = f"""
    DELETE FROM statement_lines WHERE statement_id = ? AND row_number IN (SELECT o.row_number {_TWINS})
"""


def may_have_twins(runtime: Runtime, record: StatementRecord) -> bool:
    """Return whether another statement of the shortcode may have the same lines under other keys."""
    if record.shape == STATES_START:
        return False
    values = (record.shortcode, record.id, STATES_START, record.shape, record.account, record.account)
    return bool(query(runtime, _OTHERS, values))


def join_twins(connection: Driver, record: StatementRecord, first: int, last: int) -> int:
    """Share the lines of these rows that another statement has, in place of their own; return how many."""
    rows = (record.shortcode, STATES_START, record.shape, record.id, first, last)
    postgres = connection.is_postgres
    share = SqlStatement(spelled(_SHARE, postgres=postgres), rows, required=False)
    remove = SqlStatement(spelled(_REMOVE, postgres=postgres), (record.id, *rows), required=False)
    done = connection.execute([share, remove])
    return done[1] if done else 0
