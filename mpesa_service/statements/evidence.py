"""Raises the evidence of payments that lines of a statement prove: many at once, a range of lines at a time.

Each raised payment gets a line in its audit trail, M-Pesa's own time, and a new version, so that a decision
that was made meanwhile is made again. The time of a line counts only if it is the time of completion,
and if it is not far from what another source states.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import MPESA
from mpesa_service.domain.moments import EARLIEST
from mpesa_service.domain.paid_at import CLOCKS_DIFFER_BY
from mpesa_service.domain.states import PAID
from mpesa_service.models.driver import Driver
from mpesa_service.models.driver import Statement as SqlStatement
from mpesa_service.statements.far_times import PAYMENT_TIME, far_apart
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.window import Window, query, spelled, window_of

RANGE = 2_500
"""Rows of a file in one transaction."""
CONNECTIONS = 2
"""PostgreSQL writes each raised payment to all its indexes, so two ranges at a time use two of its cores."""
_STATUSES = ", ".join(f"'{status}'" for status in sorted({*PAID, "review"}))
# A line with M-Pesa's time also counts if the payment is proven, but its time is from another source.
# So does the time that a withdrawn statement stated.
_COUNTS = """
    ({at} <= ? AND ({far}) IS NOT TRUE AND (COALESCE(p.paid_at_source, '') <> 'statement'
     OR (p.paid_at <> {at} AND EXISTS (
        SELECT 1 FROM statement_lines w JOIN statements v ON v.id = w.statement_id
        WHERE w.receipt = p.receipt AND w.completed_at = p.paid_at AND v.withdrawn_at IS NOT NULL))))
"""
_PROVEN = f"""
    p.provider = 'mpesa' AND p.receipt = l.receipt AND p.amount * 100 = l.amount_cents
    AND l.kind IN ('payment', 'unknown') AND p.status IN ({_STATUSES})
    AND (p.evidence IS NULL OR p.evidence <> 'statement' OR {{counts}})
"""
_AUDIT = """
    INSERT INTO payment_events
        (payment_id, sequence, from_status, to_status, cause, evidence, actor, detail, at)
"""
# In the order of their ids, as all writers lock payments.
_POSTGRES = """
    WITH locked AS (
        SELECT p.id, l.completed_at FROM payments p JOIN statement_lines l ON {proven}
        WHERE {window} ORDER BY p.id FOR NO KEY UPDATE OF p
    ), raised AS (
        UPDATE payments p SET evidence = 'statement', version = p.version + 1, updated_at = ?,
            event_count = p.event_count + 1,
            paid_at = CASE WHEN {locked_counts} THEN locked.completed_at ELSE p.paid_at END,
            paid_at_source = CASE WHEN {locked_counts} THEN 'statement' ELSE p.paid_at_source END
        FROM locked WHERE p.id = locked.id AND p.status IN ({statuses})
            AND (p.evidence IS NULL OR p.evidence <> 'statement' OR {locked_counts})
        RETURNING p.id, p.event_count, p.status
    )
    {audit} SELECT id, event_count, status, status, 'confirmed_again', 'statement', ?, '{{}}', ? FROM raised
    ORDER BY id
"""
_SQLITE_AUDIT = """
    {audit} SELECT p.id, p.event_count + 1, p.status, p.status, 'confirmed_again', 'statement', ?, '{{}}', ?
    FROM payments p JOIN statement_lines l ON {proven} WHERE {window} GROUP BY p.id
"""
_SQLITE_RAISE = """
    UPDATE payments SET evidence = 'statement', version = version + 1, updated_at = ?,
        event_count = event_count + 1, (paid_at, paid_at_source) = (
            SELECT COALESCE(MIN(l.completed_at), payments.paid_at),
                CASE WHEN COUNT(*) > 0 THEN 'statement' ELSE payments.paid_at_source END
            FROM statement_lines l JOIN payments p ON p.id = payments.id AND {proven}
            WHERE {window} AND {counts})
    WHERE id IN (SELECT p.id FROM payments p JOIN statement_lines l ON {proven} WHERE {window})
"""


def raise_evidence(runtime: Runtime, record: StatementRecord, advance: Callable[[str, int], None]) -> None:
    """Raise the evidence of the payments that a statement's lines prove; report their number."""
    window = window_of(runtime, record)
    own, others = window.statements[:1], window.statements[1:]
    with ThreadPoolExecutor(1 if runtime.database.is_sqlite else CONNECTIONS) as threads:
        for statements in (own, others):  # the statement's own lines first: their time counts
            for raised in threads.map(partial(_raise, runtime), _ranges(runtime, window, statements)):
                if raised:
                    advance("raised", raised)


def _ranges(runtime: Runtime, window: Window, statements: Sequence[str]) -> Iterator[Window]:
    """Yield the parts of a window, each with the lines of one range of rows of one of these statements."""
    for statement_id in statements:
        [[last]] = query(
            runtime, "SELECT MAX(row_number) FROM statement_lines WHERE statement_id = ?", (statement_id,)
        )
        for first in range(1, (last or 0) + 1, RANGE):
            yield Window(
                f"{window.condition} AND l.statement_id = ? AND l.row_number BETWEEN ? AND ?",
                (*window.values, statement_id, first, first + RANGE - 1),
                (statement_id,),
                window.starts,
            )


def _raise(runtime: Runtime, window: Window) -> int:
    """Raise the evidence of the payments of a range, in one transaction; return how many."""
    with runtime.database.writing() as connection, connection.transaction():
        if connection.is_postgres:
            # Not before the statement's last commit, which waits for the disk, is anything called applied.
            connection.execute([SqlStatement("SET LOCAL synchronous_commit = off", (), required=False)])
        return _raise_on(connection, runtime.clock(), window)


def _raise_on(connection: Driver, now: datetime, window: Window) -> int:
    postgres = connection.is_postgres
    counts, locked_counts = (
        _counts(at, postgres=postgres) for at in ("l.completed_at", "locked.completed_at")
    )
    parts = {"audit": _AUDIT, "window": window.condition, "statuses": _STATUSES, "counts": counts}
    parts |= {"proven": _PROVEN.format(counts=counts), "locked_counts": locked_counts}
    audit, latest = (MPESA, now), now + CLOCKS_DIFFER_BY  # a time in the future cannot be true
    if window.starts.issuperset(window.statements):
        latest = EARLIEST  # no line says when its transaction was completed, so none of their times counts
    if postgres:
        sql = spelled(_POSTGRES.format(**parts), postgres=True)
        values = (latest, *window.values, now, latest, latest, latest, *audit)
        done = connection.execute([SqlStatement(sql, values, required=False)])
    else:
        written = SqlStatement(
            _SQLITE_AUDIT.format(**parts), (*audit, latest, *window.values), required=False
        )
        values = (now, latest, *window.values, latest, latest, *window.values)
        raised = SqlStatement(_SQLITE_RAISE.format(**parts), values, required=False)
        done = connection.execute([written, raised])
    return done[0] if done else 0


def _counts(at: str, *, postgres: bool) -> str:
    """Return the condition that the time of a line becomes the time of its payment `p`."""
    return _COUNTS.format(at=at, far=far_apart(at, PAYMENT_TIME, postgres=postgres))
