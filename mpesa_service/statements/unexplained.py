"""Reports lines of a statement that a person must see: reversals, and payouts that fit a failed command.

The service did not send them, and no payment, refund or payout has their receipt. Each one is a discrepancy,
which a person closes.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.discrepancies import DiscrepancyKind
from mpesa_service.domain.references import new_id
from mpesa_service.domain.statements import LineKind
from mpesa_service.models import Discrepancy
from mpesa_service.models.statements import insert_once
from mpesa_service.statements.matching import START, Found, Outcome, lines_with
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.reversals import suggested_for
from mpesa_service.statements.window import query

log = logging.getLogger(__name__)
PAGE = 500
NEAR = timedelta(days=1)
"""A person sends a payout again by hand within hours after it failed."""
_NOT_OURS = f"l.kind IN ('{LineKind.REVERSAL}', '{LineKind.PAYOUT}') AND l.amount_cents <> 0"
# A reversal that we sent, and whose receipt M-Pesa has not reported, explains a line that names its payment.
_SENT = """
    SELECT 1 FROM refunds y JOIN payments p ON p.id = y.payment_id
    WHERE p.provider = 'mpesa' AND p.receipt = ? AND y.method = 'reversal' AND y.receipt IS NULL
    AND y.status <> 'failed'
"""
_FAILED = """
    SELECT id FROM (
        SELECT id, amount, created_at FROM refunds WHERE method = 'b2c' AND status = 'failed'
        UNION ALL SELECT id, amount, created_at FROM payouts WHERE status = 'failed'
    ) AS t WHERE amount = ? AND created_at <= ? AND created_at >= ? ORDER BY id
"""


def report_unexplained(runtime: Runtime, record: StatementRecord) -> None:
    """Store a discrepancy for each such line of a statement; a line has one, however often it is applied."""
    after = START
    while found := lines_with(runtime, record, Outcome.ELSEWHERE, limit=PAGE, after=after, also=_NOT_OURS):
        _report(runtime, record, found)
        after = (found[-1].statement_id, found[-1].row)


def _report(runtime: Runtime, record: StatementRecord, lines: Sequence[Found]) -> None:
    suggested = suggested_for(runtime, record, lines)
    for line in lines:
        if line.kind == LineKind.REVERSAL:
            if line.linked and query(runtime, _SENT, (line.linked,), limit=1):
                continue
            _store(runtime, DiscrepancyKind.REVERSAL, line, suggested.get((line.statement_id, line.row)))
        elif (failed := _failed(runtime, line)) is not None:
            _store(runtime, DiscrepancyKind.PAYOUT, line, failed)


def _failed(runtime: Runtime, line: Found) -> str | None:
    """Return the only refund or payout of the same amount that failed shortly before; None for several."""
    if line.cents % 100 or line.cents > 0:
        return None
    rows = query(
        runtime, _FAILED, (-line.cents // 100, line.at + timedelta(hours=1), line.at - NEAR), limit=2
    )
    return rows[0][0] if len(rows) == 1 else None


def _store(runtime: Runtime, kind: DiscrepancyKind, line: Found, resource_id: str | None) -> None:
    now = runtime.clock()
    values = {
        "id": new_id(now),
        "kind": kind,
        "subject": f"{line.statement_id}:{line.row}",
        "receipt": line.receipt,
        "amount_cents": line.cents,
        "statement_id": line.statement_id,
        "row_number": line.row,
        "resource_id": resource_id,
        "created_at": now,
    }
    with runtime.database.begin() as session:
        if insert_once(session, Discrepancy, values):
            extra = {"discrepancy_id": values["id"], "kind": kind, "receipt": line.receipt}
            log.warning("a line of a statement needs manual review", extra=extra)
