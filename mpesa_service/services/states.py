"""The one function that changes a payment's state, and the one that changes a refund's.

Both expect the payment's row to be locked and what the move rests on (receipt, amounts, reasons) to be
set on it. They ask the transition table, and write the audit event and the outgoing event in the caller's
transaction.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from mpesa_service.domain.announcements import ORDER_NOTES, payment_event, refund_event
from mpesa_service.domain.states import (
    OPEN,
    PAID,
    PAYMENT_TRANSITIONS,
    REFUND_TRANSITIONS,
    UNPAID,
    PaymentStatus,
    RefundStatus,
)
from mpesa_service.extensions import AFTER_COMMIT
from mpesa_service.models import Payment, PaymentEvent, Refund
from mpesa_service.models.together import append
from mpesa_service.services import order_sums
from mpesa_service.services.outbox import announce

log = logging.getLogger("mpesa_service.audit")

MPESA = "mpesa"
SERVICE = "service"


@dataclass(frozen=True)
class Cause:
    """Why a state changes: who, on what evidence, when, and what is worth keeping of it."""

    actor: str
    at: datetime
    evidence: str | None = None
    detail: dict[str, Any] | None = None


def create_payment(session: Session, payment: Payment, cause: Cause) -> None:
    """Store a new payment with the first line of its audit trail."""
    session.add(payment)
    begin_payment(session, payment, cause)


def begin_payment(session: Session, payment: Payment, cause: Cause) -> None:
    """Write the first line of the audit trail of a new payment; the caller stores the payment."""
    payment.status = PaymentStatus.SUBMITTING
    payment.event_count = 0
    _record(session, payment, None, None, payment.status, "created", cause)


def move_payment(session: Session, payment: Payment, edge: str, cause: Cause) -> None:
    """Move a locked payment along `edge`; raise ForbiddenTransition if the table has no such edge."""
    before = payment.state
    after = PAYMENT_TRANSITIONS.target(edge, before)
    payment.status = after
    payment.updated_at = cause.at
    if cause.evidence is not None:
        payment.evidence = cause.evidence
    if after not in OPEN:
        payment.completed_at = payment.completed_at or cause.at
        payment.ask_at = None
        payment.live_phone = None
    if after in UNPAID:
        payment.live_order = None
    if after in PAID and before in UNPAID:
        payment.completed_at = cause.at
        payment.failure_reason = None
    _record(session, payment, None, before, after, edge, cause)
    announce(session, payment_event(edge, after), payment, before.public, cause.at)
    if after in PAID or before in PAID:
        count_towards_order(session, payment, cause)


def count_towards_order(session: Session, payment: Payment, cause: Cause) -> None:
    """Count the expected order of a locked payment anew, and tell of it if it received more or less."""
    counted = order_sums.recount(session, payment, cause.at)
    if counted is None:
        return
    what = f"order_{counted.order.status}"
    told = order_sums.told(counted)
    detail = {key: told[key] for key in ("orderId", "amountDue", "receivedAmount")}
    note(session, payment, what, Cause(SERVICE, cause.at, cause.evidence, detail))
    announce(session, ORDER_NOTES[what], payment, payment.state.public, cause.at, order=told)


def hold(payment: Payment, refund: Refund, amount: int) -> None:
    """Reserve `amount` shillings of a locked payment for a refund, in place of what it held before."""
    payment.refunding_amount += amount - (refund.held or 0)
    refund.held = amount


def create_refund(session: Session, payment: Payment, refund: Refund, cause: Cause) -> None:
    """Store a new refund of a locked payment and reserve its amount."""
    hold(payment, refund, refund.amount)
    payment.refund_count += 1
    payment.updated_at = cause.at
    refund.status = RefundStatus.SUBMITTING
    session.add(refund)
    session.flush()
    _record(session, payment, refund, None, refund.status, "refund_created", cause)


def move_refund(session: Session, payment: Payment, refund: Refund, edge: str, cause: Cause) -> None:
    """Move a refund of a locked payment along `edge`."""
    before = refund.state
    after = REFUND_TRANSITIONS.target(edge, before)
    refund.status = after
    refund.updated_at = cause.at
    refund.evidence = cause.evidence or refund.evidence
    if after in {RefundStatus.SUCCEEDED, RefundStatus.FAILED, RefundStatus.REVIEW}:
        refund.completed_at = cause.at
        refund.ask_at = None
    _record(session, payment, refund, before, after, edge, cause)
    announce(session, refund_event(after), payment, before.public, cause.at, refund)
    if after is RefundStatus.REVIEW and payment.state in PAID:  # elsewhere the payment moves, too
        count_towards_order(session, payment, cause)


def note(session: Session, payment: Payment, what: str, cause: Cause, refund: Refund | None = None) -> None:
    """Write a line of the audit trail that changes no state."""
    status = refund.status if refund else payment.status
    _record(session, payment, refund, status, status, what, cause)


def _record(
    session: Session,
    payment: Payment,
    refund: Refund | None,
    before: str | None,
    after: str,
    name: str,
    cause: Cause,
) -> None:
    payment.event_count += 1
    event = {
        "payment_id": payment.id,
        "refund_id": refund.id if refund else None,
        "sequence": payment.event_count,
        "from_status": before,
        "to_status": after,
        "cause": name,
        "evidence": cause.evidence,
        "actor": cause.actor,
        "detail": cause.detail or {},
        "at": cause.at,
    }
    append(session, PaymentEvent, event)
    line = {
        "payment_id": payment.id,
        "refund_id": event["refund_id"],
        "from_status": before,
        "to_status": after,
        "cause": name,
        "evidence": cause.evidence,
    }
    session.info.setdefault(AFTER_COMMIT, []).append(lambda: log.info("state change", extra=line))
