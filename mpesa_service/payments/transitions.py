"""Transitions of payments and refunds for code that holds the payment's lock.

`domain/changes.py` decides what a transition changes, for this code and for plans alike. The functions here
write the result in the caller's session and transaction, with the same rows as `commit`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from mpesa_service.core.database import after_commit, driver_of
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.event_types import refund_event_type
from mpesa_service.domain.facts import OrderFacts
from mpesa_service.domain.states import PAID, REFUND_TRANSITIONS, RefundStatus
from mpesa_service.models import Payment, Refund
from mpesa_service.models.commit import change_statement, rows_and_events
from mpesa_service.models.load import NAMES, load_order, make_facts
from mpesa_service.models.statements import lock_order_where, order_of


@contextmanager
def _changing(session: Session, payment: Payment, *, order: bool = False) -> Iterator[PaymentChange]:
    """Yield a working copy of a locked payment; afterwards, write what the block has changed."""
    values = {name: getattr(payment, name) for name in NAMES}
    facts = make_facts(values, order=_locked_order(session, payment) if order else None)
    change = PaymentChange(facts)
    yield change
    for name, value in change.changed().items():
        setattr(payment, name, value)
    connection = driver_of(session)
    others = [change_statement(other, connection.is_postgres) for other in change.others]
    if (
        connection.execute([*others, *rows_and_events(change.rows, change.events, connection.is_postgres)])
        is None
    ):
        raise StaleDataError("the expected order has changed although it is locked")
    after_commit(session, change.log)


def _locked_order(session: Session, payment: Payment) -> OrderFacts | None:
    """Return the expected order that counts a payment, locked. Writers lock the payment first."""
    order_id = payment.expected_order_id
    if order_id is None and payment.order_id is not None:
        order_id = order_of(session, payment.order_id, payment.owner)
    if order_id is None or lock_order_where(session, id=order_id) is None:
        return None
    return load_order(driver_of(session), "id", order_id, beside=payment.id)


def move_payment(session: Session, payment: Payment, edge: str, cause: Cause) -> None:
    """Move a locked payment along the transition `edge`; raise ForbiddenTransition if the table has none."""
    with _changing(session, payment, order=True) as change:
        change.move(edge, cause)


def note(session: Session, payment: Payment, what: str, cause: Cause, refund: Refund | None = None) -> None:
    """Write a line of the audit trail that changes no status."""
    status = refund.status if refund else payment.status
    with _changing(session, payment) as change:
        change.record(what, cause, status, status, refund.id if refund else None)


def count_towards_order(session: Session, payment: Payment, cause: Cause) -> None:
    """Count the expected order of a locked payment again; publish an event if its received amount changed."""
    with _changing(session, payment, order=True) as change:
        change.count_towards_order(cause)


def reserve(payment: Payment, refund: Refund, amount: int) -> None:
    """Reserve `amount` shillings of a locked payment for a refund; replaces an earlier reservation."""
    payment.refunding_amount += amount - (refund.reserved_amount or 0)
    refund.reserved_amount = amount


def create_refund(session: Session, payment: Payment, refund: Refund, cause: Cause) -> None:
    """Store a new refund of a locked payment and reserve its amount."""
    reserve(payment, refund, refund.amount)
    payment.refund_count += 1
    payment.updated_at = cause.at
    refund.status = RefundStatus.SUBMITTING
    session.add(refund)
    session.flush()
    with _changing(session, payment) as change:
        change.record("refund_created", cause, None, refund.status, refund.id)


def move_refund(session: Session, payment: Payment, refund: Refund, edge: str, cause: Cause) -> None:
    """Move a refund of a locked payment along the transition `edge`."""
    before = refund.state
    after = REFUND_TRANSITIONS.target(edge, before)
    refund.status = after
    refund.updated_at = cause.at
    refund.evidence = cause.evidence or refund.evidence
    if after in {RefundStatus.SUCCEEDED, RefundStatus.FAILED, RefundStatus.REVIEW}:
        refund.completed_at = cause.at
        refund.next_check_at = None
    if after is RefundStatus.FAILED:
        refund.paid_at = refund.paid_at_source = None
    # In all other cases the payment also moves, and is counted there.
    recount = after is RefundStatus.REVIEW and payment.state in PAID
    with _changing(session, payment, order=recount) as change:
        change.record(edge, cause, before, after, refund.id)
        data = {"refund": refund_data(refund, before)}
        change.publish(refund_event_type(after), data, cause.at, refund.id)
        if recount:
            change.count_towards_order(cause)


def refund_data(refund: Refund, before: RefundStatus) -> dict[str, Any]:
    """Return a refund's part of its event; `before` is its previous status."""
    return {
        "_id": refund.id,
        "refundId": refund.conversation_id,
        "method": refund.method,
        "refundAmount": refund.amount,
        "status": refund.state.public,
        "mpesaReceiptNumber": refund.receipt,
        "resultCode": refund.result_code,
        "failureReason": refund.failure_reason,
        "evidence": refund.evidence,
        "previousStatus": before.public,
    }
