"""Confirmations whose amount has cents: no payment holds them, so a person sees to them by hand.

They are listed with the money that fits no order, announced like it, and stay until they are closed.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.domain.announcements import EventType
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.decisions import Evidence
from mpesa_service.domain.money import CURRENCY
from mpesa_service.domain.phones import mask_payer, mask_reference
from mpesa_service.domain.references import new_id
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.errors import Conflict, NotFound
from mpesa_service.extensions import AFTER_COMMIT
from mpesa_service.models import C2bConfirmation
from mpesa_service.models.payments import Provider
from mpesa_service.services.c2b_payments import RESULT_CODE, typed_reference
from mpesa_service.services.handled import Handled
from mpesa_service.services.outbox import News, publish
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import Cause
from mpesa_service.services.vault import Vault

log = logging.getLogger(__name__)

AMOUNT_WITH_CENTS = "A person must look: its amount has cents, and payments are of whole shillings."


@dataclass(frozen=True)
class UnbookedRecord:
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


def keep_unbookable(runtime: Runtime, session: Session, row: C2bConfirmation) -> Handled:
    """List a confirmation of cents that has just come, and announce it as money that waits for a person."""
    now = runtime.clock()
    row.look_at, row.unbooked_id = None, new_id(now)
    publish(session, EventType.PAYMENT_REVIEW, _news(row.unbooked_id, row), now)
    line = {"confirmation_id": row.id, "unbooked_id": row.unbooked_id}
    session.info.setdefault(AFTER_COMMIT, []).append(lambda: log.warning("money with cents", extra=line))
    return Handled(InboxVerdict.UNMATCHED, "not whole shillings: listed as unmatched, and no payment")


def open_unbooked(runtime: Runtime, session: Session, limit: int, after: str) -> Sequence[UnbookedRecord]:
    """Return what nobody has seen to yet: oldest first, after an id."""
    statement = (
        select(C2bConfirmation)
        .where(C2bConfirmation.unbooked_id > after, C2bConfirmation.closed_at.is_(None))
        .order_by(C2bConfirmation.unbooked_id)
        .limit(limit)
    )
    return [_record(runtime.vault, row) for row in session.scalars(statement)]


def close_unbooked(runtime: Runtime, reference: str, cause: Cause, why: str) -> UnbookedRecord:
    """Take what a person has seen to off the list.

    Raises NotFound, and Conflict when somebody has done so before.
    """
    with runtime.database.begin() as session:
        row = _lock(session, reference)
        if row is None:
            raise NotFound("There is no such money with cents.")
        if row.closed_at is not None:
            raise Conflict("Somebody has closed it before.", code="already_closed")
        row.closed_at, row.closed_by, row.closed_why = cause.at, cause.actor, why
        session.flush()
        return _record(runtime.vault, row)


def refuse_unbooked(session: Session, reference: str) -> None:
    """Raise Conflict if this names money with cents, which can be neither matched nor reversed from here."""
    if _lock(session, reference) is not None:
        raise Conflict(
            "Its amount has cents: send it back in M-Pesa's portal, then close it.", code="amount_with_cents"
        )


def _lock(session: Session, reference: str) -> C2bConfirmation | None:
    if not reference.isprintable():  # PostgreSQL takes no NUL in a text
        return None
    statement = select(C2bConfirmation).where(C2bConfirmation.unbooked_id == reference).with_for_update()
    return session.scalars(statement).one_or_none()


def exact_shillings(cents: int) -> str:
    """Return an amount as M-Pesa writes it, `100.50`."""
    return f"{cents // 100}.{cents % 100:02}"


def _news(subject_id: str, row: C2bConfirmation) -> News:
    """Return the same as of a payment in review, but for the amount."""
    data: dict[str, Any] = {
        "provider": Provider.MPESA,
        "orderId": None,
        "status": PaymentStatus.REVIEW.public,
        "amount": None,
        "exactAmount": exact_shillings(row.amount_cents),
        "currency": CURRENCY,
        "mpesaReceiptNumber": row.receipt,
        "refundedAmount": 0,
        "failureReason": AMOUNT_WITH_CENTS,
        "resultCode": RESULT_CODE,
        "evidence": Evidence.CONFIRMATION,
        "metadata": {},
        "previousStatus": PaymentStatus.PENDING.public,
    }
    return News(subject_id, 1, data)


def _record(vault: Vault, row: C2bConfirmation) -> UnbookedRecord:
    typed = typed_reference(vault, row.bill_reference_encrypted)
    payer = vault.decrypt(row.payer_encrypted) if row.payer_encrypted else ""
    return UnbookedRecord(
        id=row.unbooked_id or "",
        receipt=row.receipt,
        amount=exact_shillings(row.amount_cents),
        bill_reference=mask_reference(typed) or None,
        phone=mask_payer(payer),
        shortcode=row.shortcode,
        failure_reason=AMOUNT_WITH_CENTS,
        transacted_at=row.transacted_at,
        received_at=row.received_at,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
    )
