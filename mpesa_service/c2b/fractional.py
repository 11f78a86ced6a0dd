"""Confirmations of fractional amounts. Payments are of whole shillings, so a person handles these.

They are listed and published with the money that fits no order, and stay until they are closed.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mpesa_service.c2b.arrivals import payer_name, typed_reference
from mpesa_service.c2b.booking import RESULT_CODE
from mpesa_service.core.encryption import Encryption
from mpesa_service.core.records import record_from
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.event_types import EventType
from mpesa_service.domain.money import CURRENCY
from mpesa_service.domain.paid_at import believed
from mpesa_service.domain.phones import mask_payer, mask_reference
from mpesa_service.domain.plans import Event, LogLine, Plan
from mpesa_service.domain.references import new_id, normal_receipt
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.errors import Conflict, NotFound
from mpesa_service.models import C2bConfirmation
from mpesa_service.models.payments import Provider

NEEDS_REVIEW = "Needs manual review: a fractional amount, and payments are of whole shillings."


@dataclass(frozen=True)
class FractionalRecord:
    """Money that arrived and that no payment holds; `amount` is exact, in shillings: `100.50`."""

    id: str
    receipt: str
    amount: str
    bill_reference: str | None
    phone: str | None
    shortcode: str
    failure_reason: str
    transacted_at: datetime | None
    received_at: datetime
    closed_at: datetime | None
    closed_by: str | None


def fractional_plan(confirmation: Mapping[str, Any], now: datetime) -> tuple[Plan, dict[str, Any]]:
    """Return the plan that lists and publishes a fractional amount, and the confirmation's new columns."""
    fractional_id = new_id(now)
    line = LogLine(__name__, logging.WARNING, "fractional amount", {"fractional_id": fractional_id})
    plan = Plan(
        InboxVerdict.UNMATCHED,
        "not whole shillings: listed as unmatched, and no payment",
        events=(_event(fractional_id, confirmation, now),),
        log=(line,),
    )
    return plan, {"fractional_id": fractional_id}


def list_fractional(
    runtime: Runtime, limit: int, after: str
) -> Sequence[tuple[FractionalRecord, str | None]]:
    """Return the open fractional amounts, with the payers' names: oldest first, after an id."""
    statement = (
        select(C2bConfirmation)
        .where(C2bConfirmation.fractional_id > after, C2bConfirmation.closed_at.is_(None))
        .order_by(C2bConfirmation.fractional_id)
        .limit(limit)
    )
    with runtime.database.read() as session:
        return [
            (_record(runtime.encryption, row), payer_name(runtime.encryption, row.names_encrypted))
            for row in session.scalars(statement)
        ]


def close_fractional(runtime: Runtime, reference: str, cause: Cause, why: str) -> FractionalRecord:
    """Remove an amount that a person has handled from the list.

    Raises NotFound, and Conflict when somebody has done so before.
    """
    with runtime.database.begin() as session:
        row = _find(session, reference, lock=True)
        if row is None:
            raise NotFound("There is no such fractional amount.")
        if row.closed_at is not None:
            raise Conflict("Somebody has closed it before.", code="already_closed")
        row.closed_at, row.closed_by, row.closed_why = cause.at, cause.actor, why
        session.flush()
        return _record(runtime.encryption, row)


def refuse_fractional(runtime: Runtime, reference: str) -> None:
    """Raise Conflict if this names a fractional amount: it can be neither matched nor reversed here."""
    with runtime.database.read() as session:
        found = _find(session, reference)
    if found is not None:
        raise Conflict(
            "A fractional amount: send it back in M-Pesa's portal, then close it.",
            code="fractional_amount",
            details={"_id": found.fractional_id},
        )


def named_fractional(runtime: Runtime, text: str) -> str | None:
    """Return the id of the fractional amount with this id or receipt, or None."""
    if not text.isprintable():
        return None
    named = C2bConfirmation.fractional_id == text.strip(), C2bConfirmation.receipt == normal_receipt(text)
    statement = select(C2bConfirmation.fractional_id).where(
        or_(*named), C2bConfirmation.fractional_id.is_not(None)
    )
    with runtime.database.read() as session:
        return session.scalars(statement).first()


def _find(session: Session, reference: str, *, lock: bool = False) -> C2bConfirmation | None:
    if not reference.isprintable():  # PostgreSQL takes no NUL in a text
        return None
    statement = select(C2bConfirmation).where(C2bConfirmation.fractional_id == reference)
    return session.scalars(statement.with_for_update() if lock else statement).one_or_none()


def exact_shillings(cents: int) -> str:
    """Return an amount as M-Pesa writes it, `100.50`."""
    return f"{cents // 100}.{cents % 100:02}"


def _event(subject_id: str, confirmation: Mapping[str, Any], now: datetime) -> Event:
    """Return the same event as for a payment in review, but for the amount."""
    paid_at = believed(confirmation["transacted_at"], now)
    data: dict[str, Any] = {
        "provider": Provider.MPESA,
        "orderId": None,
        "status": PaymentStatus.REVIEW.public,
        "amount": None,
        "exactAmount": exact_shillings(confirmation["amount_cents"]),
        "currency": CURRENCY,
        "mpesaReceiptNumber": confirmation["receipt"],
        "refundedAmount": 0,
        "failureReason": NEEDS_REVIEW,
        "resultCode": RESULT_CODE,
        "evidence": confirmation["source"],
        "paidAt": paid_at,
        "paidAtSource": confirmation["source"] if paid_at else None,
        "metadata": {},
        "previousStatus": PaymentStatus.PENDING.public,
    }
    return Event(EventType.PAYMENT_REVIEW, subject_id, 1, data, now)


def _record(encryption: Encryption, row: C2bConfirmation) -> FractionalRecord:
    typed = typed_reference(encryption, row.bill_reference_encrypted)
    payer = encryption.decrypt(row.payer_encrypted) if row.payer_encrypted else ""
    return record_from(
        FractionalRecord,
        row,
        id=row.fractional_id or "",
        amount=exact_shillings(row.amount_cents),
        bill_reference=mask_reference(typed) or None,
        phone=mask_payer(payer),
        failure_reason=NEEDS_REVIEW,
    )
