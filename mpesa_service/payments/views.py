"""Payments and refunds as clients see them: plain values, with numbers masked."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.core.encryption import Encryption
from mpesa_service.core.records import record_from
from mpesa_service.domain.phones import mask_msisdn, mask_payer, mask_reference
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.models import Payment, Refund


@dataclass(frozen=True)
class RefundRecord:
    """A refund as clients see it; `refund_id` is Daraja's ConversationID, None until it is known.

    `phone` is masked, and None for a reversal.
    """

    id: str
    refund_id: str | None
    payment_id: str
    method: str
    amount: int
    status: str
    receipt: str | None
    phone: str | None
    result_code: str | None
    result_desc: str | None
    failure_reason: str | None
    requested_by: str
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    paid_at: datetime | None
    paid_at_source: str | None


@dataclass(frozen=True)
class PaymentRecord:
    """A payment as clients see it."""

    id: str
    provider: str
    channel: str | None
    order_id: str | None
    bill_reference: str | None
    account_reference: str | None
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
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    paid_at: datetime | None
    paid_at_source: str | None
    checkout_request_id: str | None
    refunds: tuple[RefundRecord, ...] = ()


LISTED = tuple(one.name for one in fields(PaymentRecord) if one.name != "refunds")
"""The fields of a payment in a list."""
EXPORTED = tuple(name for name in LISTED if name != "checkout_request_id")
"""The fields of a payment in an export: a CheckoutRequestID contains the phone number."""


@dataclass(frozen=True)
class Shown:
    """The clear or masked values of columns that are stored encrypted."""

    phone: str | None
    checkout_request_id: str | None = None
    bill_reference: str | None = None


def payment_record(
    session: Session | None, encryption: Encryption, payment: Payment, shown: Shown | None = None
) -> PaymentRecord:
    """Return the payment with its refunds, oldest first. The session is needed only if there are refunds.

    A caller that has the clear values passes them as `shown`; then nothing is decrypted.
    """
    refunds = refund_records(encryption, session, payment.id) if session and payment.refund_count else ()
    values = {name: getattr(payment, name) for name in _READ}
    return record_of(encryption, values, refunds, shown)


def record_of(
    encryption: Encryption,
    payment: Mapping[str, Any],
    refunds: tuple[RefundRecord, ...] = (),
    shown: Shown | None = None,
) -> PaymentRecord:
    """Return the record for a payment's columns, given by attribute name."""
    shown = shown or _decrypted(encryption, payment)
    return PaymentRecord(
        **{name: payment[name] for name in _AS_THEY_ARE},
        bill_reference=shown.bill_reference,
        checkout_request_id=shown.checkout_request_id,
        status=PaymentStatus(payment["status"]).public,
        phone=shown.phone,
        refunds=refunds,
        metadata=payment["details"],
    )


_MADE = {"bill_reference", "checkout_request_id", "status", "phone", "refunds", "metadata"}
_AS_THEY_ARE = tuple(one.name for one in fields(PaymentRecord) if one.name not in _MADE)
_ENCRYPTED = ("checkout_id_encrypted", "bill_reference_encrypted", "payer_encrypted", "phone_encrypted")
_READ = (*_AS_THEY_ARE, *_ENCRYPTED, "status", "details")


def _decrypted(encryption: Encryption, payment: Mapping[str, Any]) -> Shown:
    checkout = payment["checkout_id_encrypted"] and encryption.decrypt(payment["checkout_id_encrypted"])
    typed = payment["bill_reference_encrypted"]
    return Shown(
        phone=_masked_phone(encryption, payment),
        checkout_request_id=checkout or None,
        bill_reference=None if typed is None else mask_reference(encryption.decrypt(typed)),
    )


def _masked_phone(encryption: Encryption, payment: Mapping[str, Any]) -> str | None:
    if payment["payer_encrypted"]:
        return mask_payer(encryption.decrypt(payment["payer_encrypted"]))
    phone = payment["phone_encrypted"]
    return mask_msisdn(encryption.decrypt(phone)) if phone else None


def refund_records(encryption: Encryption, session: Session, payment_id: str) -> tuple[RefundRecord, ...]:
    """Return a payment's refunds, oldest first."""
    rows = session.scalars(
        select(Refund).where(Refund.payment_id == payment_id).order_by(Refund.created_at, Refund.id)
    )
    return tuple(refund_record(encryption, row) for row in rows)


def refund_record(encryption: Encryption, refund: Refund) -> RefundRecord:
    phone = refund.phone_encrypted
    return record_from(
        RefundRecord,
        refund,
        refund_id=refund.conversation_id,
        status=refund.state.public,
        phone=mask_msisdn(encryption.decrypt(phone)) if phone else None,
    )
