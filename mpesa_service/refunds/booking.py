"""Books the end of a refund on its payment. Both rows are locked."""

from sqlalchemy.orm import Session

from mpesa_service.domain.audit import Cause
from mpesa_service.domain.states import REFUNDABLE, PaymentStatus
from mpesa_service.errors import Conflict
from mpesa_service.models import Payment, Refund
from mpesa_service.payments.transitions import move_payment, move_refund, reserve


def settle_refund(
    session: Session, payment: Payment, row: Refund, receipt: str | None, edge: str, cause: Cause
) -> None:
    """Book a locked refund as paid: the reserved amount becomes refunded, and the payment's status follows.

    Raises Conflict if more would be refunded than was paid.
    """
    reserve(payment, row, 0)
    if row.amount > payment.refundable_amount:
        raise Conflict("More would be refunded than was paid.", code="refunds_exceed_payment")
    row.receipt = receipt or row.receipt
    row.failure_reason = None
    payment.refunded_amount += row.amount
    move_refund(session, payment, row, edge, cause)
    whole = payment.refunded_amount == payment.amount
    if payment.state in REFUNDABLE:  # A payment in review stays in review: a person decides.
        move_payment(session, payment, "refunded_in_whole" if whole else "refunded_in_part", cause)


def release_refund(
    session: Session, payment: Payment, row: Refund, reason: str, edge: str, cause: Cause
) -> None:
    """Book a locked refund as not paid: release the reserved amount."""
    row.failure_reason = reason[:512]
    reserve(payment, row, 0)
    move_refund(session, payment, row, edge, cause)
    if payment.state in {PaymentStatus.REFUNDED, PaymentStatus.PARTIALLY_REFUNDED}:
        _reverse_status(session, payment, cause)


def reserve_again(payment: Payment, row: Refund, *, paid: bool) -> None:
    """Reserve a refund's amount again: M-Pesa now reports the opposite of what it reported before."""
    if paid:  # The amount was released. Reserve again what is still free, so that it is not refunded twice.
        reserve(payment, row, min(row.amount, payment.refundable_amount))
    else:  # The refund counted as paid. That is not certain any more.
        payment.refunded_amount -= row.amount
        reserve(payment, row, row.amount)


def _reverse_status(session: Session, payment: Payment, cause: Cause) -> None:
    """Move the payment back: a refund that counted as paid was not paid."""
    if payment.refunded_amount == 0:
        move_payment(session, payment, "refund_reversed", cause)
    elif payment.state is PaymentStatus.REFUNDED and payment.refunded_amount < payment.amount:
        move_payment(session, payment, "refund_reversed_in_part", cause)
