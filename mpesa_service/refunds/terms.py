"""Rules for a refund: whether it is allowed, its amount, and its method."""

from dataclasses import dataclass, field

from mpesa_service.core.encryption import Encryption
from mpesa_service.domain.commands import RefundMethod
from mpesa_service.domain.counting import counted
from mpesa_service.domain.states import REFUNDABLE
from mpesa_service.errors import Conflict, InvalidAmount
from mpesa_service.models import Payment
from mpesa_service.models.payments import Provider
from mpesa_service.refunds.stated_phone import Payer, RefundRequest, check_stated_phone

PARTLY_REFUNDED = (
    "A part of this payment is refunded or being refunded, and only a whole payment can be reversed."
)


@dataclass(frozen=True)
class Terms:
    """A refund that is allowed. `phone` is the encrypted number that it goes to; None for a reversal."""

    amount: int
    method: RefundMethod
    phone: bytes | None = field(default=None, repr=False)


def terms_of(encryption: Encryption, payment: Payment, request: RefundRequest, least: int) -> Terms:
    """Return the terms of a refund of a locked payment.

    By default the money goes to the phone that paid. If that phone is unknown, the payment is reversed.
    `least` is what M-Pesa pays out to a phone at least, in shillings; it reverses any amount.
    Raises Conflict, or InvalidRequest if another request would be allowed.
    """
    if request.only_unmatched and payment.order_id is not None:
        raise Conflict(
            "This payment was matched to an order meanwhile.",
            code="not_unmatched",
            details={"status": payment.state.public, "orderId": payment.order_id},
        )
    amount = _allowed_amount(payment, request.amount)
    if request.phone is not None:
        check_stated_phone(encryption, request, Payer.of(payment))
        _check_least(amount, least)
        return Terms(amount, RefundMethod.B2C, encryption.encrypt(request.phone))
    usual = RefundMethod.REVERSAL if payment.phone_encrypted is None else RefundMethod.B2C
    method = request.method or usual
    if method is RefundMethod.REVERSAL:
        _check_reversal(payment, amount)
        return Terms(amount, method)
    if payment.phone_encrypted is None:
        raise Conflict(
            "M-Pesa did not report which phone paid. State the number (phoneNumber), or reverse the payment.",
            code="no_phone",
        )
    _check_least(amount, least)
    return Terms(amount, method, payment.phone_encrypted)


def _allowed_amount(payment: Payment, amount: int | None) -> int:
    details = {"status": payment.state.public, "refundableAmount": payment.refundable_amount}
    if payment.state not in REFUNDABLE or payment.provider != Provider.MPESA:
        raise Conflict(
            f"A payment in status {payment.state.public} cannot be refunded.",
            code="not_refundable",
            details=details,
        )
    if payment.refundable_amount == 0:
        raise Conflict(
            "Nothing is left to refund: the rest is refunded or being refunded.",
            code="nothing_to_refund",
            details=details,
        )
    if amount is not None and amount > payment.refundable_amount:
        raise InvalidAmount(
            f"Only {counted(payment.refundable_amount, 'shilling')} of this payment can still be refunded.",
            code="refund_too_large",
            details=details,
        )
    return payment.refundable_amount if amount is None else amount


def _check_least(amount: int, least: int) -> None:
    """Refuse a payout that M-Pesa would fail, before anything is reserved."""
    if amount < least:
        raise InvalidAmount(
            f"M-Pesa pays out at least {counted(least, 'shilling')} to a phone. A payment of which nothing is"
            " refunded can be reversed as a whole, whatever its amount.",
            code="refund_too_small",
            details={"amount": amount, "minimum": least},
        )


def _check_reversal(payment: Payment, amount: int) -> None:
    """Check a reversal. M-Pesa reverses only a whole payment, and finds it by its receipt."""
    if payment.refundable_amount != payment.amount:
        raise Conflict(
            PARTLY_REFUNDED,
            code="partly_refunded",
            details={"refundableAmount": payment.refundable_amount},
        )
    if amount != payment.amount:
        raise InvalidAmount(
            f"A payment can only be reversed as a whole: {counted(payment.amount, 'shilling')}.",
            code="reversal_is_whole",
            details={"amount": payment.amount},
        )
    if payment.receipt is None:
        raise Conflict(
            "M-Pesa has not reported the receipt of this payment, and a reversal needs one.",
            code="no_receipt",
        )
