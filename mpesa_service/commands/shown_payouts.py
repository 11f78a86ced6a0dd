"""Refuses to pay again what a statement shows as paid, until a person says whose money the line is.

A refund or payout failed by M-Pesa's own result, and a statement shows a payout that it may be. A second one
would pay twice. While the statement is being applied, its line counts, and from then on its discrepancy: so
nothing is sent after a person had the statement applied.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from mpesa_service.domain.discrepancies import LINE_BEFORE, SENT_WITHIN, DiscrepancyKind
from mpesa_service.domain.money import CENTS, shillings
from mpesa_service.domain.statements import LineKind, StatementStatus
from mpesa_service.domain.states import PayoutStatus, RefundStatus
from mpesa_service.errors import Conflict
from mpesa_service.models import Discrepancy, DiscrepancyCandidate, Payout, Refund
from mpesa_service.models.open_discrepancies import is_open, is_withdrawn
from mpesa_service.models.portal import Statement, StatementLineRow, StatementSharedLine

_BEING_APPLIED = and_(
    Statement.status.in_((StatementStatus.APPLYING, StatementStatus.FAILED)),
    Statement.withdrawn_at.is_(None),
)


def shown_refund(session: Session, payment_id: str) -> Conflict | None:
    """Return why a payment may not be refunded: a statement shows what may be a failed refund of it."""
    refund = aliased(Refund)
    failed = and_(refund.payment_id == payment_id, refund.status == RefundStatus.FAILED)
    return next(_shown(session, refund, failed, lambda _: True), None)


def shown_payout(session: Session, payments: set[tuple[str, int]], besides: str = "") -> Conflict | None:
    """Return why these may not be paid: a statement shows what may be an earlier payout like one of them.

    `payments` are the blind indexes of payees with amounts. The payout with the id `besides` does not count.
    """
    # The money of one in review is not reserved anywhere: a person may pay it again in another batch.
    payout, statuses = aliased(Payout), (PayoutStatus.FAILED, PayoutStatus.REVIEW)
    unpaid = and_(payout.status.in_(statuses), payout.id != besides)
    return next(_shown(session, payout, unpaid, lambda row: (row.party_hash, row.amount) in payments), None)


def waits_for(found: Discrepancy, resource_id: str, belongs_to: str) -> Conflict:
    """Return the error of what must wait until a discrepancy is closed, with the next step."""
    moved = "reversal" if found.kind == DiscrepancyKind.REVERSAL else "payout"
    amount = shillings(-found.amount_cents)
    return Conflict(
        f"M-Pesa's statement shows a {moved} of {amount}, receipt {found.receipt}, which may be"
        f" {resource_id}. If it is, say so with `mpesa discrepancies close {found.id}"
        f" --belongs-to {belongs_to}` and settle it. If it is other money, close the discrepancy {found.id}"
        " with the reason first.",
        code="statement_shows_payout",
        details={"_id": resource_id, "receipt": found.receipt, "discrepancyId": found.id},
    )


def belongs_to(session: Session, found: Discrepancy, resource_id: str) -> str:
    """Return what closing a discrepancy names: the payment that was reversed, or the refund or payout."""
    refund = session.get(Refund, resource_id) if found.kind == DiscrepancyKind.REVERSAL else None
    return resource_id if refund is None else refund.payment_id


def _shown(
    session: Session, table: Any, unpaid: ColumnElement[bool], fits: Callable[[Any], bool]
) -> Iterator[Conflict]:
    # The lines first: a line that has its discrepancy by now is not looked for, and the discrepancy is there.
    yield from _by_lines(session, table, unpaid, fits)
    pair = aliased(DiscrepancyCandidate)
    statement = (
        select(Discrepancy, table)
        .join(pair, pair.discrepancy_id == Discrepancy.id)
        .join(table, table.id == pair.resource_id)
        .where(unpaid, is_open())
        .order_by(Discrepancy.id, table.id)
    )
    for found, row in session.execute(statement):
        if fits(row):
            yield waits_for(found, row.id, belongs_to(session, found, row.id))


def _by_lines(
    session: Session, table: Any, unpaid: ColumnElement[bool], fits: Callable[[Any], bool]
) -> Iterator[Conflict]:
    """Yield the error of each row that a line of a statement may be which is being applied."""
    times = session.execute(select(Statement.first_at, Statement.last_at).where(_BEING_APPLIED))
    for first_at, last_at in times.all():
        if first_at is None or last_at is None:
            continue
        created = table.created_at.between(first_at - SENT_WITHIN, last_at + LINE_BEFORE)
        for row in session.scalars(select(table).where(unpaid, created).order_by(table.id)):
            line = session.execute(_lines_like(row)).first() if fits(row) else None
            if line is not None:
                yield _being_applied(line, row)


def _lines_like(row: Refund | Payout) -> Select[str, int, str]:
    """Return the lines that may be the money of a row, and that nothing explains yet."""
    line = StatementLineRow
    reverses = getattr(row, "method", "") == "reversal"
    shared = exists().where(
        StatementSharedLine.statement_id == Statement.id,
        StatementSharedLine.receipt == line.receipt,
        StatementSharedLine.line_hash == line.line_hash,
    )
    reported = exists().where(
        Discrepancy.receipt == line.receipt, Discrepancy.amount_cents == line.amount_cents, ~is_withdrawn()
    )
    known = [exists().where(table.receipt == line.receipt) for table in (Refund, Payout)]
    return (
        select(line.receipt, line.amount_cents, Statement.id)
        .join(Statement, or_(Statement.id == line.statement_id, shared))
        .where(_BEING_APPLIED, line.kind == (LineKind.REVERSAL if reverses else LineKind.PAYOUT))
        .where(line.amount_cents == -row.amount * CENTS, line.outcome.is_(None))
        .where(line.completed_at.between(row.created_at - LINE_BEFORE, row.created_at + SENT_WITHIN))
        .where(~or_(reported, *known))
        .limit(1)
    )


def _being_applied(line: Any, row: Any) -> Conflict:
    receipt, cents, statement_id = line
    return Conflict(
        f"Statement {statement_id}, which is being applied, shows {shillings(-cents)} paid out, receipt"
        f" {receipt}, which may be {row.id}. Have it applied to its end, then close its discrepancy:"
        " `mpesa discrepancies list`.",
        code="statement_shows_payout",
        details={"_id": row.id, "receipt": receipt, "statementId": statement_id},
    )
