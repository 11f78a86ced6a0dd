"""What a refund's end does to its payment's books. Both rows are locked."""

from sqlalchemy.orm import Session

from mpesa_service.domain.audit import Cause
from mpesa_service.domain.states import REFUNDABLE, PaymentStatus
from mpesa_service.errors import Conflict
from mpesa_service.models import Payment, Refund
from mpesa_service.payments.transitions import hold, move_payment, move_refund


def settle_refund(
    session: Session, payment: Payment, row: Refund, receipt: str | None, edge: str, cause: Cause
) -> None:
    """Book a locked refund as paid: what was reserved is refunded now, and the payment says so.

    Raises Conflict when more would be refunded than was paid.
    """
    hold(payment, row, 0)
    if row.amount > payment.refundable_amount:
        raise Conflict("More would be refunded than was paid.", code="refunds_exceed_payment")
    row.receipt = receipt or row.receipt
    row.failure_reason = None
    payment.refunded_amount += row.amount
    move_refund(session, payment, row, edge, cause)
    whole = payment.refunded_amount == payment.amount
    if payment.state in REFUNDABLE:  # a payment in review stays there: a person decides
        move_payment(session, payment, "refunded_in_whole" if whole else "refunded_in_part", cause)


def release_refund(
    session: Session, payment: Payment, row: Refund, reason: str, edge: str, cause: Cause
) -> None:
    """Book a locked refund as not paid: what was reserved is free again."""
    row.failure_reason = reason[:512]
    hold(payment, row, 0)
    move_refund(session, payment, row, edge, cause)
    if payment.state in {PaymentStatus.REFUNDED, PaymentStatus.PARTIALLY_REFUNDED}:
        _say_less_was_refunded(session, payment, cause)


def hold_again(payment: Payment, row: Refund, *, paid: bool) -> None:
    """Reserve a refund's amount again: M-Pesa now says that it was `paid`, or not, after the contrary."""
    if paid:  # it had been given back: hold again what is still free, so that nobody refunds it twice
        hold(payment, row, min(row.amount, payment.refundable_amount))
    else:  # it had counted as paid: that is not certain any more
        payment.refunded_amount -= row.amount
        hold(payment, row, row.amount)


def _say_less_was_refunded(session: Session, payment: Payment, cause: Cause) -> None:
    """A refund that had counted as paid turned out not to be."""
    if payment.refunded_amount == 0:
        move_payment(session, payment, "refund_reversed", cause)
    elif payment.state is PaymentStatus.REFUNDED and payment.refunded_amount < payment.amount:
        move_payment(session, payment, "refund_reversed_in_part", cause)
