"""How to return what an order has received beyond the amount due."""

from collections.abc import Sequence

from mpesa_service.domain.orders import OrderStatus, SurplusPart, surplus_parts
from mpesa_service.domain.states import REFUNDABLE
from mpesa_service.models import ExpectedOrder, Payment


def surplus_of(order: ExpectedOrder, payments: Sequence[Payment]) -> tuple[SurplusPart, ...]:
    """Return the refunds that would return the surplus of an overpaid order, from its newest payments first.

    What is being refunded already is no surplus any more. An order whose rule accepts more than the amount
    due has none.
    """
    if order.state is not OrderStatus.OVERPAID:
        return ()
    surplus = order.overpaid_amount - sum(payment.refunding_amount for payment in payments)
    refundable = (
        SurplusPart(payment.id, payment.refundable_amount, needs_phone=payment.phone_encrypted is None)
        for payment in payments
        if payment.state in REFUNDABLE
    )
    return surplus_parts(surplus, refundable)
