"""The invariants of a payment's own row: its locks, and its times."""

from collections.abc import Iterator

from mpesa_service.domain.reports import PAID_AT_SOURCES
from mpesa_service.domain.states import OPEN, PAID, UNPAID, PaymentStatus
from mpesa_service.models.payments import Channel
from mpesa_service.verification.common import PaymentHistory


def ended_is_dated(history: PaymentHistory) -> Iterator[str]:
    """A payment has a time of completion if it has left the open statuses, and only then."""
    payment = history.payment
    if payment.state in OPEN and payment.completed_at is not None:
        yield f"it is {payment.status}, but has a time of completion"
    if payment.state not in OPEN and payment.completed_at is None:
        yield f"it is {payment.status}, but has no time of completion"


def paid_is_sourced(history: PaymentHistory) -> Iterator[str]:
    """A payment has M-Pesa's time and its source together, and only if it is paid or in review."""
    payment = history.payment
    if (payment.paid_at is None) != (payment.paid_at_source is None):
        yield "it has M-Pesa's time without a source, or a source without a time"
    if payment.paid_at_source not in {None, *PAID_AT_SOURCES}:
        yield f"the source of M-Pesa's time is {payment.paid_at_source}, which states none"
    if payment.paid_at is not None and payment.state in OPEN | UNPAID:
        yield f"it is {payment.status}, but has M-Pesa's time of payment"


def locks_follow_status(history: PaymentHistory) -> Iterator[str]:
    """Only open payments hold a phone lock. No unpaid payment holds an order lock, nor does a counted one.

    An open payment holds both locks until they are released, and a payment that was paid without an expected
    order keeps the order lock, unless another payment of the order has it.
    """
    payment = history.payment
    if payment.phone_lock is not None and payment.state not in OPEN:
        yield f"it is {payment.status}, but holds a phone lock"
    if payment.phone_lock not in {None, payment.phone_hash}:
        yield "its phone lock is that of another phone"
    if payment.order_lock not in {None, payment.order_id}:
        yield "its order lock is that of another order"
    counted = payment.state in PAID and payment.expected_order_id is not None
    if payment.order_lock is not None and (payment.state in UNPAID or counted):
        yield f"it is {payment.status}{' and counted' if counted else ''}, but holds an order lock"
    if payment.channel == Channel.STK:
        yield from _missing_locks(history, counted=counted)


def _missing_locks(history: PaymentHistory, *, counted: bool) -> Iterator[str]:
    payment = history.payment
    causes = {event.cause for event in history.events if event.refund_id is None}
    was_open = payment.state in OPEN and "lock_released" not in causes
    if was_open and payment.phone_lock is None:
        yield f"it is {payment.status}, but holds no phone lock"
    # What a person has decided leaves the order to that person.
    reviewed = any(
        event.to_status == PaymentStatus.REVIEW and event.refund_id is None for event in history.events
    )
    was_paid = payment.state in PAID and not counted and not reviewed
    if payment.order_lock is None and (was_open or was_paid) and "order_paid_by_another" not in causes:
        yield f"it is {payment.status}, but holds no order lock"
