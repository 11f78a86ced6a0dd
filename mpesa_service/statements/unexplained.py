"""Reports lines of a statement that a person must see: reversals, and payouts that an unpaid command may be.

The service did not send them, and no payment, refund or payout has their receipt. Each one is a discrepancy,
which a person closes.
"""

import logging
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.commands import NOT_PAID
from mpesa_service.domain.discrepancies import DiscrepancyKind
from mpesa_service.domain.references import new_id
from mpesa_service.domain.statements import LineKind
from mpesa_service.models import Discrepancy, DiscrepancyCandidate
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
_STATUSES = ", ".join(f"'{status}'" for status in sorted(NOT_PAID))
_CANDIDATES = f"""
    SELECT id FROM (
        SELECT id, amount, created_at, status FROM refunds WHERE method = 'b2c'
        UNION ALL SELECT id, amount, created_at, status FROM payouts
    ) AS t WHERE amount = ? AND created_at <= ? AND created_at >= ? AND status IN ({_STATUSES})
    ORDER BY CASE status WHEN 'failed' THEN 1 ELSE 0 END, id
"""
MOST = 200
"""Candidates of one line."""


def report_unexplained(runtime: Runtime, record: StatementRecord) -> None:
    """Store a discrepancy for each such line of a statement; a line has one, whichever files have it."""
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
        elif candidates := _candidates(runtime, line):
            only = candidates[0] if len(candidates) == 1 else None
            _store(runtime, DiscrepancyKind.PAYOUT, line, only, candidates)


def _candidates(runtime: Runtime, line: Found) -> list[str]:
    """Return the refunds and payouts of the same amount, sent shortly before, that are not paid.

    One that has not failed yet is one too: a person or M-Pesa may say later that it failed.
    """
    if line.cents % 100 or line.cents > 0:
        return []
    values = (-line.cents // 100, line.at + timedelta(hours=1), line.at - NEAR)
    return [found for (found,) in query(runtime, _CANDIDATES, values, limit=MOST)]


def _store(
    runtime: Runtime,
    kind: DiscrepancyKind,
    line: Found,
    resource_id: str | None,
    candidates: Sequence[str] = (),
) -> None:
    now, subject = runtime.clock(), f"{line.receipt}:{line.cents}"
    values = {
        "id": new_id(now),
        "kind": kind,
        "subject": subject,
        "receipt": line.receipt,
        "amount_cents": line.cents,
        "statement_id": line.statement_id,
        "row_number": line.row,
        "resource_id": resource_id,
        "created_at": now,
    }
    # Several files may have the line, in other words or with another time. An older row has another subject.
    same = {name: values[name] for name in ("kind", "receipt", "amount_cents")}
    with runtime.database.begin() as session:
        known = session.scalar(select(Discrepancy.id).filter_by(**same).limit(1))
        if known is None and insert_once(session, Discrepancy, values):
            extra = {"discrepancy_id": values["id"], "kind": kind, "receipt": line.receipt}
            log.warning("a line of a statement needs manual review", extra=extra)
        stored = select(Discrepancy.id).where(Discrepancy.kind == kind, Discrepancy.subject == subject)
        discrepancy_id = (known or session.scalars(stored).one()) if candidates else ""
        for one in candidates:
            pair = {"discrepancy_id": discrepancy_id, "resource_id": one}
            insert_once(session, DiscrepancyCandidate, pair)
