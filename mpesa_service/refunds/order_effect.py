"""What a refund leaves of the order that the payment pays."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mpesa_service.domain.states import PAID
from mpesa_service.models import ExpectedOrder, Payment


@dataclass(frozen=True)
class OrderLeftShort:
    """A paid order that is short once its open refunds are paid. The amounts are shillings."""

    order_id: str
    received: int
    due: int


def order_left_short(session: Session, payment: Payment) -> OrderLeftShort | None:
    """Return the order that the refunds of a payment leave short; None if it was never paid or stays paid."""
    if payment.expected_order_id is None:
        return None
    order = session.get_one(ExpectedOrder, payment.expected_order_id)
    sums = select(func.sum(Payment.amount), func.sum(Payment.refunded_amount + Payment.refunding_amount))
    counted = sums.where(Payment.expected_order_id == order.id, Payment.status.in_(PAID))
    paid, returned = (int(value or 0) for value in session.execute(counted).one())
    if not paid - returned < order.amount_due <= paid:
        return None
    return OrderLeftShort(order.reference, paid - returned, order.amount_due)
