"""Decides whether a prompt may be sent for an expected order."""

from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from mpesa_service.domain.counting import counted
from mpesa_service.domain.orders import CLOSED, AmountRule
from mpesa_service.domain.principal import Principal
from mpesa_service.errors import Conflict
from mpesa_service.models import ExpectedOrder

_BY_REFERENCE = select(ExpectedOrder).where(ExpectedOrder.reference == bindparam("reference"))


def expected_order(
    session: Session, principal: Principal, order_id: str, amount: int, now: datetime
) -> ExpectedOrder | None:
    """Return the expected order with this order id, which a prompt of `amount` would pay, or None.

    Raises Conflict if the order counts only another caller's payments, is closed or paid, or if `amount` is
    more than the missing amount. Only callers who may see the order get the missing amount.
    """
    order = session.scalars(_BY_REFERENCE, {"reference": order_id}).one_or_none()
    if order is None:
        return None
    if not order.counts_payments_of(principal.subject):
        raise order_taken()
    missing, may_see = order.missing_amount, principal.may_see(order.owner)
    details = {"status": order.status_at(now), "missingAmount": missing} if may_see else None
    if order.is_over(now) or order.state in CLOSED:
        raise Conflict(
            "This order is closed: it has expired or was canceled.", code="order_closed", details=details
        )
    if missing == 0 and order.amount_rule != AmountRule.ANY:
        raise Conflict("This order is already paid.", code="order_paid", details=details)
    if amount > missing and order.amount_rule not in {AmountRule.ANY, AmountRule.MINIMUM}:
        due = counted(missing, "shilling of this order is", "shillings of this order are")
        message = f"{f'Only {due}' if may_see else 'Fewer shillings of this order are'} still missing."
        raise Conflict(message, code="more_than_due", details=details)
    return order


def order_taken() -> Conflict:
    """Return the error for an order that belongs to another caller. It does not name that caller."""
    return Conflict("This order belongs to another caller.", code="order_taken")
