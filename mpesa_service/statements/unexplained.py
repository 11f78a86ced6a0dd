"""Reports what a person must see of a statement: reversals, payouts that an unpaid command may be, income in
unknown words, and rows that could not be read. No payment, refund or payout has their receipt. And payments
that the statement should show, and lacks.

Each one is a discrepancy, which a person closes.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.commands import NOT_PAID
from mpesa_service.domain.discrepancies import LINE_BEFORE, SENT_WITHIN, DiscrepancyKind, opened_event
from mpesa_service.domain.references import new_id
from mpesa_service.domain.statements import LineKind
from mpesa_service.models import Discrepancy, DiscrepancyCandidate, Statement
from mpesa_service.models.open_discrepancies import is_withdrawn
from mpesa_service.models.statements import insert_once
from mpesa_service.statements.absent import absent_payments, proof_of
from mpesa_service.statements.balances import NOT_UNDERSTOOD
from mpesa_service.statements.matching import START, Found, Outcome, lines_with
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.reversals import suggested_for
from mpesa_service.statements.window import query
from mpesa_service.webhooks.outbox import publish

log = logging.getLogger(__name__)
audit = logging.getLogger("mpesa_service.audit")
PAGE = 500
_NOT_OURS = f"l.kind IN ('{LineKind.REVERSAL}', '{LineKind.PAYOUT}') AND l.amount_cents <> 0"
# A reversal that we sent, and whose receipt M-Pesa has not reported, explains a line that names its payment.
_SENT = """
    SELECT 1 FROM refunds y JOIN payments p ON p.id = y.payment_id
    WHERE p.provider = 'mpesa' AND p.receipt = ? AND y.method = 'reversal' AND y.receipt IS NULL
    AND y.status <> 'failed'
"""
_INCOME = "l.amount_cents > 0"
_STATUSES = ", ".join(f"'{status}'" for status in sorted(NOT_PAID))
_CANDIDATES = f"""
    SELECT id FROM (
        SELECT id, amount, created_at, status, CASE method WHEN 'b2c' THEN 'payout' ELSE method END AS kind
        FROM refunds
        UNION ALL SELECT id, amount, created_at, status, 'payout' FROM payouts
    ) AS t WHERE kind = ? AND amount = ? AND created_at <= ? AND created_at >= ? AND status IN ({_STATUSES})
    ORDER BY CASE status WHEN 'failed' THEN 1 ELSE 0 END, id
"""
MOST = 200
"""Candidates of one line."""
MOST_ABSENT = 10_000
"""Payments, when a statement is applied once."""


def report_unexplained(runtime: Runtime, record: StatementRecord) -> None:
    """Store a discrepancy for each such line of a statement; a line has one, whichever files have it."""
    after = START
    while found := lines_with(runtime, record, Outcome.ELSEWHERE, limit=PAGE, after=after, also=_NOT_OURS):
        _report(runtime, record, found)
        after = (found[-1].statement_id, found[-1].row)


def report_income(runtime: Runtime, record: StatementRecord) -> None:
    """Store a discrepancy for each line that shows money which came in, in words that nobody knows."""
    after = START
    while found := lines_with(runtime, record, Outcome.UNCLEAR, limit=PAGE, after=after, also=_INCOME):
        for line in found:
            _store(runtime, DiscrepancyKind.INCOME, _values(line))
        after = (found[-1].statement_id, found[-1].row)


def report_unread(runtime: Runtime, record: StatementRecord) -> None:
    """Store one discrepancy for a statement with rows that may be money, and that could not be read."""
    if NOT_UNDERSTOOD not in record.findings:
        return
    row = record.unread[0]["row"] if record.unread else None
    values = {"subject": record.id, "receipt": "", "amount_cents": 0}
    _store(runtime, DiscrepancyKind.UNREAD, {**values, "statement_id": record.id, "row_number": row})


def report_absent(runtime: Runtime, record: StatementRecord) -> None:
    """Store a discrepancy for each payment that a statement should show and does not.

    One that a person closed stays closed. If the statement that lacked it was withdrawn, this one counts.
    """
    for one in absent_payments(runtime, record, proof_of(runtime, record), MOST_ABSENT):
        values = {"subject": one.id, "receipt": one.receipt, "amount_cents": one.cents}
        about = {**values, "statement_id": record.id, "row_number": None, "resource_id": one.id}
        _store(runtime, DiscrepancyKind.ABSENT, about)
        withdrawn = select(Statement.id).where(Statement.withdrawn_at.is_not(None))
        mine = (Discrepancy.kind == DiscrepancyKind.ABSENT, Discrepancy.subject == one.id)
        with runtime.database.begin() as session:
            lacking = Discrepancy.statement_id.in_(withdrawn)
            session.execute(update(Discrepancy).where(*mine, lacking).values(statement_id=record.id))


def _report(runtime: Runtime, record: StatementRecord, lines: Sequence[Found]) -> None:
    suggested = suggested_for(runtime, record, lines)
    for line in lines:
        if line.kind == LineKind.REVERSAL:
            if line.linked and query(runtime, _SENT, (line.linked,), limit=1):
                continue
            refund = suggested.get((line.statement_id, line.row))
            perhaps = [] if line.linked else _candidates(runtime, line)
            _store(runtime, DiscrepancyKind.REVERSAL, {**_values(line), "resource_id": refund}, perhaps)
        elif candidates := _candidates(runtime, line):
            only = candidates[0] if len(candidates) == 1 else None
            _store(runtime, DiscrepancyKind.PAYOUT, {**_values(line), "resource_id": only}, candidates)


def _candidates(runtime: Runtime, line: Found) -> list[str]:
    """Return the refunds and payouts of the same amount, sent shortly before, that are not paid.

    One that has not failed yet is one too: a person or M-Pesa may say later that it failed.
    """
    if line.cents % 100 or line.cents > 0:
        return []
    values = (line.kind, -line.cents // 100, line.at + LINE_BEFORE, line.at - SENT_WITHIN)
    return [found for (found,) in query(runtime, _CANDIDATES, values, limit=MOST)]


def _values(line: Found) -> dict[str, Any]:
    return {
        "subject": f"{line.receipt}:{line.cents}",
        "receipt": line.receipt,
        "amount_cents": line.cents,
        "statement_id": line.statement_id,
        "row_number": line.row,
    }


def _store(
    runtime: Runtime, kind: DiscrepancyKind, about: Mapping[str, Any], candidates: Sequence[str] = ()
) -> None:
    """Store a discrepancy, unless it is known. One that a withdrawal closed is open again."""
    now = runtime.clock()
    values = {"id": new_id(now), "kind": kind, **about, "created_at": now}
    # Several files may have a line, in other words or with another time. An older row has another subject.
    names = ("kind", "receipt", "amount_cents") if about["receipt"] else ("kind", "subject")
    same = select(Discrepancy.id).filter_by(**{name: values[name] for name in names}).limit(1)
    with runtime.database.begin() as session:
        known = session.scalar(same)
        if known is not None:
            _reopen(session, known, about)
        elif insert_once(session, Discrepancy, values):
            extra = {"discrepancy_id": values["id"], "kind": kind, "receipt": about["receipt"]}
            log.warning("a line of a statement needs manual review", extra=extra)
            publish(session, opened_event(values))
        discrepancy_id = (known or session.scalars(same).one()) if candidates else ""
        for one in candidates:
            pair = {"discrepancy_id": discrepancy_id, "resource_id": one}
            insert_once(session, DiscrepancyCandidate, pair)


def _reopen(session: Session, discrepancy_id: str, about: Mapping[str, Any]) -> None:
    """Open a discrepancy again that was closed because the only statement that showed it was withdrawn."""
    again = update(Discrepancy).where(Discrepancy.id == discrepancy_id, is_withdrawn())
    place = {name: about[name] for name in ("statement_id", "row_number")}
    values = {**dict.fromkeys(("closed_at", "closed_by", "closed_why")), **place}
    if session.scalar(again.values(values).returning(Discrepancy.id)) is not None:
        audit.info("discrepancy opened again", extra={"discrepancy_id": discrepancy_id})
