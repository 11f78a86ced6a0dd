"""Compares the lines of a statement with what the service knows: payments, C2B reports, refunds, payouts.

All comparisons are joins by receipt, over all lines at once. Nothing is changed. A line has one outcome:

    agrees      our record has the receipt, the amount and the direction
    reported    C2B or a pull has reported the money, but it is not booked yet, or is a fractional amount
    missing     income that the service does not know: it is booked when the statement is applied
    differs     our record has the receipt, with another amount, direction or status; or the line reverses our
                payment, and this service did not send the reversal
    elsewhere   a payout or a reversal that this service did not send
    own         a charge, a withdrawal to the bank, or a transfer between own accounts: never income
    unclear     a line of an unknown kind
    not_completed   a transaction that failed or was canceled: no money moved
    repeated    the file has the same line twice
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.states import PAID
from mpesa_service.statements.far_times import OTHER_SOURCE, OTHER_TIME, FarTime, far_apart
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.window import Window, marks, query, window_of


class Outcome(StrEnum):
    """What a comparison found for a line."""

    AGREES = "agrees"
    REPORTED = "reported"
    MISSING = "missing"
    DIFFERS = "differs"
    ELSEWHERE = "elsewhere"
    OWN = "own"
    UNCLEAR = "unclear"
    NOT_COMPLETED = "not_completed"
    REPEATED = "repeated"


@dataclass(frozen=True)
class Share:
    """Lines of one kind and outcome: their number, and their sums in cents.

    `far_times` is the number of those whose time is far from what another source states.
    """

    kind: str
    outcome: Outcome
    evidence: str | None
    lines: int
    paid_in_cents: int
    withdrawn_cents: int
    far_times: int = 0


@dataclass(frozen=True)
class Found:
    """A line with what the service has under its receipt. `our_cents` is None if it has nothing.

    `row` is its number in the file that stores it, and `file_row` its number in the file that is compared;
    None if that is not known.
    """

    statement_id: str
    row: int
    receipt: str
    at: datetime
    cents: int
    kind: str
    outcome: Outcome
    payment_id: str | None
    refund_id: str | None
    payout_id: str | None
    our_cents: int | None
    our_status: str | None
    linked: str | None
    type: str
    file_row: int | None = None


START = ("", 0)
"""The position before the first line: a statement's id and a row number."""
_PAID = ", ".join(f"'{status}'" for status in sorted(PAID))
_NOT_OURS = "('charge', 'not_completed', 'reversal')"
_JOINS = """
    FROM statement_lines l
    LEFT JOIN payments p ON p.provider = 'mpesa' AND p.receipt = l.receipt
    LEFT JOIN c2b_confirmations c ON c.receipt = l.receipt
    LEFT JOIN refunds r ON r.receipt = l.receipt
    LEFT JOIN payouts o ON o.receipt = l.receipt
    LEFT JOIN payments q ON q.provider = 'mpesa' AND q.receipt = l.linked_receipt AND l.kind = 'reversal'
        AND l.amount_cents < 0
"""
# Its reversal is known, and a person has decided that the payment failed.
_UNDONE = """
    (p.status = 'failed' AND EXISTS (SELECT 1 FROM statement_lines x WHERE x.linked_receipt = l.receipt
     AND x.kind = 'reversal' AND x.amount_cents = -l.amount_cents))
"""
# A reversal that we sent, and whose receipt M-Pesa has not reported yet, may be this line.
_OUR_REVERSAL = """
    EXISTS (SELECT 1 FROM refunds y WHERE y.payment_id = q.id AND y.method = 'reversal'
     AND y.receipt IS NULL AND y.status <> 'failed')
"""
# A CASE looks at its conditions in their order, so the last question of income is asked only of few lines.
_OUTCOME = f"""
    CASE
    WHEN l.kind = 'not_completed' THEN 'not_completed'
    WHEN l.kind IN ('charge', 'sweep', 'withdrawal') THEN 'own'
    WHEN l.amount_cents > 0 AND p.id IS NOT NULL THEN
        CASE WHEN p.amount * 100 = l.amount_cents AND (p.status IN ({_PAID}, 'review') OR {_UNDONE})
        THEN 'agrees' ELSE 'differs' END
    WHEN l.kind = 'reversal' AND r.id IS NULL AND o.id IS NULL AND q.status IN ({_PAID}, 'review')
        AND NOT {_OUR_REVERSAL} THEN 'differs'
    WHEN l.kind = 'reversal' AND r.id IS NULL AND o.id IS NULL THEN 'elsewhere'
    WHEN l.amount_cents > 0 AND c.id IS NOT NULL THEN
        CASE WHEN c.amount_cents = l.amount_cents THEN 'reported' ELSE 'differs' END
    WHEN r.id IS NOT NULL THEN
        CASE WHEN r.amount * 100 = -l.amount_cents AND r.status = 'succeeded' THEN 'agrees' ELSE 'differs' END
    WHEN o.id IS NOT NULL THEN
        CASE WHEN o.amount * 100 = -l.amount_cents AND o.status = 'succeeded' THEN 'agrees' ELSE 'differs' END
    WHEN l.amount_cents < 0 AND p.id IS NOT NULL THEN 'differs'
    WHEN l.kind = 'unknown' THEN 'unclear'
    WHEN l.amount_cents < 0 THEN 'elsewhere'
    WHEN EXISTS (SELECT 1 FROM statement_lines x WHERE x.receipt = l.receipt
                 AND x.amount_cents = -l.amount_cents AND x.kind NOT IN {_NOT_OURS}) THEN 'own'
    ELSE 'missing' END
"""
_LINE = f"""
    l.statement_id, l.row_number, l.receipt, l.completed_at, l.amount_cents, l.kind, {_OUTCOME} AS outcome,
    COALESCE(p.id, q.id) AS payment_id, r.id AS refund_id, o.id AS payout_id,
    COALESCE(p.amount * 100, r.amount * 100, o.amount * 100, c.amount_cents, q.amount * 100) AS our_cents,
    COALESCE(p.status, r.status, o.status, q.status) AS our_status, l.linked_receipt AS linked, l.type
"""


def shares_of(runtime: Runtime, record: StatementRecord) -> list[Share]:
    """Return the lines of a statement by kind, outcome and the evidence of the payment that agrees.

    Each line of the file is in one share. A line that did not complete has no part in the sums.
    """
    window = window_of(runtime, record)
    far, values = _far(runtime, window)
    sql = f"""
        SELECT kind, outcome, evidence, COUNT(*), SUM(CASE WHEN amount > 0 THEN amount ELSE 0 END),
            SUM(CASE WHEN amount < 0 THEN -amount ELSE 0 END),
            SUM(CASE WHEN outcome = 'agrees' THEN far ELSE 0 END)
        FROM (SELECT l.kind AS kind, {_OUTCOME} AS outcome, p.evidence AS evidence,
              CASE WHEN l.kind = 'not_completed' THEN 0 ELSE l.amount_cents END AS amount,
              CASE WHEN {far} THEN 1 ELSE 0 END AS far
              {_JOINS} WHERE {window.condition}) AS m
        GROUP BY kind, outcome, evidence ORDER BY kind, outcome, evidence
    """
    rows = query(runtime, sql, (*values, *window.values))
    found = [
        Share(kind, Outcome(outcome), evidence, count, int(paid_in), int(withdrawn), int(far_times))
        for kind, outcome, evidence, count, paid_in, withdrawn, far_times in rows
    ]
    stored = Counter[str]()
    for share in found:
        stored[share.kind] += share.lines
    repeated = sorted((record.kinds - stored).items())
    return found + [Share(kind, Outcome.REPEATED, None, lines, 0, 0) for kind, lines in repeated]


def lines_with(
    runtime: Runtime,
    record: StatementRecord,
    *outcomes: Outcome,
    limit: int,
    after: tuple[str, int] = START,
    also: str = "1 = 1",
    booked: bool = False,
) -> list[Found]:
    """Return lines of a statement with these outcomes, in order, after a statement's id and row number.

    `also` is another condition, over the alias `l`. A line that was applied is left out; with `booked`, lines
    that were booked are not.
    """
    wait = "COALESCE(l.outcome, 'booked') = 'booked'" if booked else "l.outcome IS NULL"
    window = window_of(runtime, record)
    wanted = ", ".join(f"'{outcome}'" for outcome in outcomes)
    sql = f"""
        SELECT * FROM (SELECT {_LINE}, {window.row} AS file_row {_JOINS}
            WHERE {window.condition} AND {wait} AND {also}
            AND (l.statement_id > ? OR (l.statement_id = ? AND l.row_number > ?))) AS m
        WHERE outcome IN ({wanted}) ORDER BY statement_id, row_number
    """
    values = (*window.row_values, *window.values, after[0], after[0], after[1])
    return [_found(row) for row in query(runtime, sql, values, times=(3,), limit=limit)]


def far_times(runtime: Runtime, record: StatementRecord, limit: int) -> list[FarTime]:
    """Return the first lines that agree, and whose time is far from what another source states."""
    window = window_of(runtime, record)
    far, values = _far(runtime, window)
    sql = f"""
        SELECT file_row, receipt, completed_at, our_id, other_at, source FROM (
            SELECT l.statement_id, l.row_number, {window.row} AS file_row, l.receipt, l.completed_at,
                {_OUTCOME} AS outcome,
                COALESCE(p.id, r.id, o.id) AS our_id, {OTHER_TIME} AS other_at, {OTHER_SOURCE} AS source
            {_JOINS} WHERE {window.condition} AND {far}) AS m
        WHERE outcome = 'agrees' ORDER BY statement_id, row_number
    """
    rows = query(runtime, sql, (*window.row_values, *window.values, *values), times=(2, 4), limit=limit)
    return [FarTime(*row) for row in rows]


def _far(runtime: Runtime, window: Window) -> tuple[str, tuple[str, ...]]:
    """Return the condition that a line's time of completion is far from another source's, and its values."""
    far = far_apart("l.completed_at", OTHER_TIME, postgres=not runtime.database.is_sqlite)
    if not window.starts:
        return far, ()
    starts = tuple(sorted(window.starts))
    return f"l.statement_id NOT IN ({marks(starts)}) AND {far}", starts


def _found(row: list[Any]) -> Found:
    cells = [*row]
    cells[6] = Outcome(cells[6])
    return Found(*cells)
