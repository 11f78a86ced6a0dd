"""What the outside may know of a payment and its refunds: plain values, numbers masked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.domain.phones import mask_msisdn, mask_payer, mask_reference
from mpesa_service.models import Payment, Refund
from mpesa_service.services.vault import Vault


@dataclass(frozen=True)
class RefundRecord:
    """A refund as clients see it; `refund_id` is Daraja's ConversationID, None until it is known."""

    id: str
    refund_id: str | None
    payment_id: str
    method: str
    amount: int
    status: str
    receipt: str | None
    result_code: str | None
    result_desc: str | None
    failure_reason: str | None
    requested_by: str
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True)
class PaymentRecord:
    """A payment as clients see it."""

    id: str
    provider: str
    channel: str | None
    order_id: str | None
    bill_reference: str | None
    account_reference: str | None
    checkout_request_id: str | None
    merchant_request_id: str | None
    receipt: str | None
    status: str
    evidence: str | None
    amount: int
    currency: str
    phone: str | None
    result_code: str | None
    result_desc: str | None
    failure_reason: str | None
    refunded_amount: int
    refunds: tuple[RefundRecord, ...]
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None


@dataclass(frozen=True)
class Shown:
    """What is shown of that which a payment's row holds encrypted."""

    phone: str | None
    checkout_request_id: str | None = None
    bill_reference: str | None = None


def payment_record(
    session: Session | None, vault: Vault, payment: Payment, shown: Shown | None = None
) -> PaymentRecord:
    """Return the payment with its refunds, oldest first; needs the session only where there are any.

    Who has them at hand gives the numbers as they are `shown`, and nothing is decrypted.
    """
    shown = shown or _decrypted(vault, payment)
    return PaymentRecord(
        id=payment.id,
        provider=payment.provider,
        channel=payment.channel,
        order_id=payment.order_id,
        bill_reference=shown.bill_reference,
        account_reference=payment.account_reference,
        checkout_request_id=shown.checkout_request_id,
        merchant_request_id=payment.merchant_request_id,
        receipt=payment.receipt,
        status=payment.state.public,
        evidence=payment.evidence,
        amount=payment.amount,
        currency=payment.currency,
        phone=shown.phone,
        result_code=payment.result_code,
        result_desc=payment.result_desc,
        failure_reason=payment.failure_reason,
        refunded_amount=payment.refunded_amount,
        refunds=refund_records(session, payment) if session and payment.refund_count else (),
        metadata=payment.details,
        created_at=payment.created_at,
        updated_at=payment.updated_at,
        completed_at=payment.completed_at,
    )


def _decrypted(vault: Vault, payment: Payment) -> Shown:
    checkout = payment.checkout_id_encrypted and vault.decrypt(payment.checkout_id_encrypted)
    typed = payment.bill_reference_encrypted
    return Shown(
        phone=_masked_phone(vault, payment),
        checkout_request_id=checkout or None,
        bill_reference=None if typed is None else mask_reference(vault.decrypt(typed)),
    )


def _masked_phone(vault: Vault, payment: Payment) -> str | None:
    if payment.payer_encrypted:
        return mask_payer(vault.decrypt(payment.payer_encrypted))
    return mask_msisdn(vault.decrypt(payment.phone_encrypted)) if payment.phone_encrypted else None


def refund_records(session: Session, payment: Payment) -> tuple[RefundRecord, ...]:
    """Return a payment's refunds, oldest first."""
    rows = session.scalars(
        select(Refund).where(Refund.payment_id == payment.id).order_by(Refund.created_at, Refund.id)
    )
    return tuple(refund_record(row) for row in rows)


def refund_record(refund: Refund) -> RefundRecord:
    return RefundRecord(
        id=refund.id,
        refund_id=refund.conversation_id,
        payment_id=refund.payment_id,
        method=refund.method,
        amount=refund.amount,
        status=refund.state.public,
        receipt=refund.receipt,
        result_code=refund.result_code,
        result_desc=refund.result_desc,
        failure_reason=refund.failure_reason,
        requested_by=refund.requested_by,
        created_at=refund.created_at,
        updated_at=refund.updated_at,
        completed_at=refund.completed_at,
    )
