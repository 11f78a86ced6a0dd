"""The record of this service that has a receipt, to compare with what M-Pesa reports about it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.domain.money import CENTS
from mpesa_service.models import C2bConfirmation, Payment, Payout, Refund
from mpesa_service.models.payments import Provider

KINDS = ("payment", "refund", "payout", "fractional", "confirmation")


@dataclass(frozen=True)
class Ours:
    """The payment, refund, payout or fractional amount that has the receipt.

    Or a C2B confirmation that waits to be matched (`confirmation`). `amount` is in shillings, with cents.
    `order_id` of a refund is the order of its payment. `at` is M-Pesa's own time of a payment, if it is
    known, and else the time at which the service stored the outcome.
    """

    kind: str
    id: str
    status: str
    amount: Decimal | None
    order_id: str | None
    evidence: str | None
    at: datetime | None


def record_of_receipt(session: Session, receipt: str) -> Ours | None:
    """Return the record that has the receipt, or None."""
    return (
        _payment(session, receipt)
        or _refund(session, receipt)
        or _payout(session, receipt)
        or _confirmation(session, receipt)
    )


def _payment(session: Session, receipt: str) -> Ours | None:
    statement = select(Payment).where(Payment.provider == Provider.MPESA, Payment.receipt == receipt)
    row = session.scalars(statement).first()
    if row is None:
        return None
    at = row.paid_at or row.completed_at
    return Ours("payment", row.id, row.state.public, Decimal(row.amount), row.order_id, row.evidence, at)


def _refund(session: Session, receipt: str) -> Ours | None:
    statement = select(Refund, Payment.order_id).join(Payment, Payment.id == Refund.payment_id)
    found = session.execute(statement.where(Refund.receipt == receipt)).first()
    if found is None:
        return None
    row, order_id = found
    amount = Decimal(row.amount)
    return Ours("refund", row.id, row.state.public, amount, order_id, row.evidence, row.completed_at)


def _payout(session: Session, receipt: str) -> Ours | None:
    row = session.scalars(select(Payout).where(Payout.receipt == receipt)).first()
    if row is None:
        return None
    amount = Decimal(row.amount)
    return Ours("payout", row.id, row.state.public, amount, None, row.evidence, row.completed_at)


def _confirmation(session: Session, receipt: str) -> Ours | None:
    """Return money that no payment has: a fractional amount, or a confirmation that waits."""
    row = session.scalars(select(C2bConfirmation).where(C2bConfirmation.receipt == receipt)).first()
    if row is None:
        return None
    amount = Decimal(row.amount_cents) / CENTS
    at = row.transacted_at or row.received_at
    if row.fractional_id is None:
        return Ours("confirmation", str(row.id), "waiting", amount, None, row.source, at)
    status = "unmatched" if row.closed_at is None else "closed"
    return Ours("fractional", row.fractional_id, status, amount, None, row.source, at)
