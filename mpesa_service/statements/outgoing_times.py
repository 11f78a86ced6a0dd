"""Sets M-Pesa's own time of the refunds and payouts that lines of a statement prove.

The time of a line counts only if it is the time of completion. It replaces the time of every other source,
unless it is far from it.
"""

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.paid_at import CLOCKS_DIFFER_BY
from mpesa_service.models.driver import Statement as SqlStatement
from mpesa_service.statements.far_times import command_time, far_apart
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.window import marks, spelled, window_of

_LINES = """
    FROM statement_lines l WHERE {window} AND l.receipt = {table}.receipt
    AND l.amount_cents = -100 * {table}.amount AND l.completed_at <= ?
    AND l.kind NOT IN ('charge', 'sweep', 'withdrawal', 'not_completed') AND ({far}) IS NOT TRUE
"""
_STATE = """
    UPDATE {table} SET paid_at_source = 'statement', updated_at = ?,
        paid_at = (SELECT MIN(l.completed_at) {lines})
    WHERE status = 'succeeded' AND COALESCE(paid_at_source, '') <> 'statement' AND EXISTS (SELECT 1 {lines})
"""


def state_times(runtime: Runtime, record: StatementRecord) -> None:
    """Set the times of all refunds and payouts that a statement shows."""
    window, now = window_of(runtime, record), runtime.clock()
    condition, values = window.condition, window.values
    if window.starts:
        condition += f" AND l.statement_id NOT IN ({marks([*window.starts])})"
        values = (*values, *window.starts)
    lines = (*values, now + CLOCKS_DIFFER_BY)
    for table in ("refunds", "payouts"):
        far = far_apart("l.completed_at", command_time(table), postgres=not runtime.database.is_sqlite)
        sql = _STATE.format(table=table, lines=_LINES.format(table=table, window=condition, far=far))
        with runtime.database.writing() as connection:
            spelt = spelled(sql, postgres=connection.is_postgres)
            connection.execute([SqlStatement(spelt, (now, *lines, *lines), required=False)])
