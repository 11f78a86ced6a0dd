"""What an expected order has received: the sum of its paid payments, less what was paid back of them.

It is counted anew under the order's lock whenever a payment changes that may count. Whoever locks both
locks the payment first.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from mpesa_service.domain.orders import CLOSED, AmountRule, OrderStatus, order_status
from mpesa_service.domain.states import PAID
from mpesa_service.models import ExpectedOrder, Payment
from mpesa_service.models.statements import lock_order_where, order_of

WAITING = frozenset({OrderStatus.OPEN, OrderStatus.PARTIALLY_PAID})
"""Something is missing, and may come yet."""


@dataclass(frozen=True)
class Counted:
    """An order whose received amount has changed, and its status before."""

    order: ExpectedOrder
    before: OrderStatus


def recount(session: Session, payment: Payment, at: datetime) -> Counted | None:
    """Count a locked payment's order anew; None when it has none, or nothing has changed.

    A paid payment of an announced order is tied to it here, whichever of the two came first.
    """
    order_id = payment.expected_order_id
    if order_id is None and payment.order_id is not None and payment.state in PAID:
        order_id = order_of(session, payment.order_id, payment.owner)
    if order_id is None:
        return None
    order = lock_order_where(session, id=order_id)
    return None if order is None else _count(session, payment, order, at)


def _count(session: Session, payment: Payment, order: ExpectedOrder, at: datetime) -> Counted | None:
    payment.expected_order_id = order.id
    if payment.state in PAID:
        payment.order_lock = None  # what is missing decides whether another payment may be started
    session.flush()
    # PostgreSQL's sums of integers are decimals.
    received = int(session.scalar(select(_received()).where(Payment.expected_order_id == order.id)) or 0)
    before, previously = order.state, order.received_amount
    if received == previously:
        return None
    order.received_amount = received
    order.updated_at = at
    if before not in CLOSED or received > previously:  # what is paid back opens nothing again
        rule = AmountRule(order.amount_rule) if order.amount_rule else None
        order.status = order_status(order.amount_due, received, rule)
    session.flush()
    return Counted(order, before)


def _received() -> ColumnElement[int]:
    counts = Payment.status.in_(PAID)
    return func.sum(Payment.amount - Payment.refunded_amount).filter(counts)


def is_over(order: ExpectedOrder, now: datetime) -> bool:
    """Tell whether an order's time is over; what is paid in time counts however late it is told."""
    return order.expires_at is not None and order.expires_at <= now


def status_at(order: ExpectedOrder, now: datetime) -> OrderStatus:
    """Return an order's status: one that is not paid is expired at once, whenever a job books it."""
    return OrderStatus.EXPIRED if is_over(order, now) and order.state in WAITING else order.state


def missing_amount(order: ExpectedOrder) -> int:
    """Return how many shillings of an order are still due."""
    return max(order.amount_due - order.received_amount, 0)


def overpaid_amount(order: ExpectedOrder) -> int:
    """Return how many shillings of an order were paid beyond what was due."""
    return max(order.received_amount - order.amount_due, 0)


def told(counted: Counted) -> Mapping[str, Any]:
    """Return what an event says of an order."""
    order = counted.order
    return {
        "orderId": order.reference,
        "status": order.status,
        "previousStatus": counted.before,
        "amountDue": order.amount_due,
        "receivedAmount": order.received_amount,
        "missingAmount": missing_amount(order),
        "overpaidAmount": overpaid_amount(order),
        "metadata": order.details,
    }
