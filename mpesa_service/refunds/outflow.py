"""A refund as an action of the outflow policy: what is approved of it, exactly."""

from mpesa_service.core.encryption import Encryption
from mpesa_service.domain.commands import RefundMethod
from mpesa_service.domain.outflow import OutflowKind
from mpesa_service.domain.phones import mask_msisdn, mask_payer
from mpesa_service.models import Payment
from mpesa_service.outflow.actions import Action, Consent, phone_index
from mpesa_service.outflow.records import ApprovalRecord
from mpesa_service.refunds.stated_phone import Payer, RefundRequest
from mpesa_service.refunds.terms import Terms


def refund_action(
    encryption: Encryption, payment: Payment, terms: Terms, request: RefundRequest, maker: str
) -> Action:
    """Return the action of a refund of a locked payment on these terms."""
    index, shown = _payee(encryption, payment, terms)
    return Action(
        _kind(terms, request),
        maker,
        payment.id,
        terms.amount,
        parameters={
            "amount": terms.amount,
            "method": terms.method.value,
            "phone": request.phone,
            "confirm": request.confirm_different_payer,
        },
        payees={index: terms.amount} if index else {},
        payee=shown,
        order_id=payment.order_id,
        reason=request.reason,
    )


def approved_request(record: ApprovalRecord, consent: Consent) -> RefundRequest:
    """Return the refund request that an approval is about, for exactly what was approved."""
    given = record.parameters
    stated = given["phone"] is not None
    return RefundRequest(
        given["amount"],
        None if stated else RefundMethod(given["method"]),
        record.reason,
        given["phone"],
        confirm_different_payer=given["confirm"],
        consent=consent,
    )


def _kind(terms: Terms, request: RefundRequest) -> OutflowKind:
    if request.only_unmatched:
        return OutflowKind.RETURN
    return OutflowKind.REVERSAL if terms.method is RefundMethod.REVERSAL else OutflowKind.REFUND


def _payee(encryption: Encryption, payment: Payment, terms: Terms) -> tuple[str | None, str | None]:
    known = terms.phone or payment.phone_encrypted
    return payee_of(encryption, Payer(payment.channel, known, payment.payer_encrypted))


def payee_of(encryption: Encryption, payer: Payer) -> tuple[str | None, str | None]:
    """Return the blind index of a payer who gets money, and the masked number; None for what is not known.

    A payer whom M-Pesa masks has an index of the masked text.
    """
    if payer.phone_encrypted is not None:
        phone = encryption.decrypt(payer.phone_encrypted)
        return phone_index(encryption, phone), mask_msisdn(phone)
    reported = payer.reported(encryption)
    return (encryption.blind_index("payer", reported), mask_payer(reported)) if reported else (None, None)
