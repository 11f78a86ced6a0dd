"""One live payment an order, one open prompt a phone: unique keys decide, this explains and makes way."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mpesa_service.domain.principal import Principal
from mpesa_service.domain.states import OPEN, PAID, PaymentStatus
from mpesa_service.errors import Conflict, TryLater
from mpesa_service.models import Payment
from mpesa_service.models.statements import lock_payment
from mpesa_service.services import reconcile
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import SERVICE, Cause, note

ATTEMPTS = 3


def insert_live(
    runtime: Runtime,
    principal: Principal,
    order_id: str,
    phone_hash: str,
    write: Callable[[], Payment],
) -> Payment:
    """Run `write`, which inserts a payment and returns it, in a transaction of its own.

    When another payment is in the way, ask Daraja about it if its prompt is past its life, let it go
    if it is, and try again; else raise Conflict or TryLater saying what is in the way.
    """
    for _ in range(ATTEMPTS):
        try:
            return write()
        except IntegrityError:
            _make_way(runtime, principal, order_id, phone_hash)
    raise TryLater("Another request for this order or phone is under way.", code="order_busy")


def _make_way(runtime: Runtime, principal: Principal, order_id: str, phone_hash: str) -> None:
    for holder_id in _holders(runtime, order_id, phone_hash):
        reconcile.ask(runtime, holder_id)
        with runtime.database.begin() as session:
            holder = lock_payment(session, holder_id)
            now = runtime.clock()
            if _is_over(holder, now):
                _let_go(session, holder, now)
            elif holder.live_order == order_id:
                raise _order_taken(principal, holder, now)
            elif holder.live_phone == phone_hash:
                raise _phone_taken(holder, now)


def _holders(runtime: Runtime, order_id: str, phone_hash: str) -> list[str]:
    statement = select(Payment.id).where(
        or_(Payment.live_order == order_id, Payment.live_phone == phone_hash)
    )
    with runtime.database.read() as session:
        return list(session.scalars(statement))


def _is_over(holder: Payment, now: datetime) -> bool:
    """Its prompt cannot be alive any more, and nobody has told us its outcome."""
    return holder.state in OPEN and holder.prompt_expires_at is not None and holder.prompt_expires_at <= now


def _let_go(session: Session, holder: Payment, now: datetime) -> None:
    """Stop blocking the order and the phone; the payment itself is asked about as before."""
    holder.live_order = None
    holder.live_phone = None
    note(session, holder, "let_go", Cause(SERVICE, now))


def _order_taken(principal: Principal, holder: Payment, now: datetime) -> Conflict:
    details = {"paymentId": holder.id} if principal.may_see(holder.owner) else None
    if holder.state in PAID:
        return Conflict("This order is already paid.", code="order_paid", details=details)
    if holder.state is PaymentStatus.REVIEW:
        return Conflict(
            "A payment of this order is being looked at by a person.",
            code="order_in_review",
            details=details,
        )
    return TryLater(
        "A payment of this order is already under way.",
        code="order_in_progress",
        details=details,
        retry_after=_seconds_left(holder, now),
    )


def _phone_taken(holder: Payment, now: datetime) -> TryLater:
    return TryLater(
        "This phone number already has a payment prompt open.",
        code="phone_busy",
        retry_after=_seconds_left(holder, now),
    )


def _seconds_left(holder: Payment, now: datetime) -> int:
    expires = holder.prompt_expires_at or now
    return max(1, int((expires - now).total_seconds()) + 1)
