"""Allows one live payment per order and one open prompt per phone.

Unique columns decide which request succeeds. This module explains a refusal, and releases expired locks.
"""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import or_, select

from mpesa_service.core.apply import apply_to
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import SERVICE, Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.reports import Verdict
from mpesa_service.domain.states import OPEN, PAID, PaymentStatus
from mpesa_service.errors import Conflict, TryLater
from mpesa_service.models import Payment
from mpesa_service.payments import reconcile

ATTEMPTS = 3


class LockHeld(Exception):
    """Another payment holds the order lock or the phone lock. Nothing was written."""


def insert_locked(
    runtime: Runtime,
    principal: Principal,
    order_id: str,
    phone_hash: str,
    write: Callable[[], PaymentFacts],
) -> PaymentFacts:
    """Run `write`, which inserts a payment and returns its facts.

    If it raises LockHeld, query Daraja about the payment that holds the lock, release its locks if its prompt
    has expired, and try again. Otherwise raise Conflict or TryLater, which name the lock.
    """
    for _ in range(ATTEMPTS):
        try:
            return write()
        except LockHeld:
            _free_locks(runtime, principal, order_id, phone_hash)
    raise TryLater("Another request for this order or phone is in progress.", code="order_busy")


def _free_locks(runtime: Runtime, principal: Principal, order_id: str, phone_hash: str) -> None:
    for holder_id in _holders(runtime, order_id, phone_hash):
        reconcile.check(runtime, holder_id)
        release = partial(_release, principal, order_id, phone_hash, runtime.clock())
        apply_to(runtime.database, holder_id, release)


def _release(
    principal: Principal, order_id: str, phone_hash: str, now: datetime, facts: PaymentFacts
) -> Plan:
    """Release the locks on the order and the phone. Reconciliation of the payment continues."""
    change, holder = PaymentChange(facts), facts.payment
    if _is_over(facts, now):
        change.set(order_lock=None, phone_lock=None)
        change.note("lock_released", Cause(SERVICE, now))
    elif holder["order_lock"] == order_id:
        raise _order_taken(principal, facts, now)
    elif holder["phone_lock"] == phone_hash:
        raise _phone_taken(facts, now)
    return change.plan(Verdict.NOTED, "released")


def _holders(runtime: Runtime, order_id: str, phone_hash: str) -> list[str]:
    statement = select(Payment.id).where(
        or_(Payment.order_lock == order_id, Payment.phone_lock == phone_hash)
    )
    with runtime.database.read() as session:
        return list(session.scalars(statement))


def _is_over(holder: PaymentFacts, now: datetime) -> bool:
    """Return whether the prompt has expired and no final report has arrived."""
    expires = holder.payment["prompt_expires_at"]
    return holder.status in OPEN and expires is not None and expires <= now


def _order_taken(principal: Principal, holder: PaymentFacts, now: datetime) -> Conflict:
    details = {"paymentId": holder.id} if principal.may_see(holder.payment["owner"]) else None
    if holder.status in PAID:
        return Conflict("This order is already paid.", code="order_paid", details=details)
    if holder.status is PaymentStatus.REVIEW:
        return Conflict(
            "A payment of this order needs manual review.",
            code="order_in_review",
            details=details,
        )
    return TryLater(
        "A payment of this order is already in progress.",
        code="order_in_progress",
        details=details,
        retry_after=_seconds_left(holder, now),
    )


def _phone_taken(holder: PaymentFacts, now: datetime) -> TryLater:
    return TryLater(
        "This phone number already has a payment prompt open.",
        code="phone_busy",
        retry_after=_seconds_left(holder, now),
    )


def _seconds_left(holder: PaymentFacts, now: datetime) -> int:
    expires = holder.payment["prompt_expires_at"] or now
    return max(1, int((expires - now).total_seconds()) + 1)
