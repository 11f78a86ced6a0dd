"""Finds payments and their audit trails for callers who may see them. To others, a payment does not exist."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, or_, select
from sqlalchemy.orm import Session

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.paid_at import IGNORED
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import is_like_receipt, is_order_id, normal_receipt
from mpesa_service.domain.states import PaymentStatus, RefundStatus
from mpesa_service.domain.trail import in_words
from mpesa_service.errors import NotFound
from mpesa_service.models import Payment, PaymentEvent, Refund
from mpesa_service.payments import reconcile
from mpesa_service.payments.views import PaymentRecord, payment_record

ATTEMPTS_SHOWN = 20
_BY_REFERENCE = select(Payment).where(
    or_(Payment.checkout_id_hash == bindparam("checkout_hash"), Payment.id == bindparam("reference"))
)


@dataclass(frozen=True)
class OrderRecord:
    """The latest payment of an order, and all attempts, newest first (at most ATTEMPTS_SHOWN)."""

    order_id: str
    latest: PaymentRecord
    attempts: tuple[PaymentRecord, ...]


def find_payment(session: Session, runtime: Runtime, principal: Principal, reference: str) -> Payment:
    """Return the payment with this CheckoutRequestID or `_id`; raise NotFound if it is not the caller's.

    The error of a receipt names the query that finds its payment, whether there is one or not.
    """
    if not reference.isprintable():  # Not one of the service's ids. PostgreSQL accepts no NUL in a text.
        raise NotFound
    checkout_hash = runtime.encryption.blind_index("checkout", reference)
    payment = session.scalars(_BY_REFERENCE, {"checkout_hash": checkout_hash, "reference": reference}).first()
    if payment is None or not principal.may_see(payment.owner):
        raise _not_found(reference)
    return payment


def _not_found(reference: str) -> NotFound:
    if not is_like_receipt(reference):
        return NotFound()
    query = f"GET /api/mpesa/payments?receipt={normal_receipt(reference)}"
    return NotFound(
        f"There is no payment with this _id or CheckoutRequestID. For the _id of a receipt: {query}"
    )


def query_payment(runtime: Runtime, principal: Principal, reference: str) -> PaymentRecord:
    """Return the stored payment. If the payment is open and overdue, query Daraja first.

    If too many requests already wait for Daraja, return the stored payment without a query.
    """
    with runtime.database.read() as session:
        payment = find_payment(session, runtime, principal, reference)
        if not reconcile.is_due(payment, runtime.clock()):
            return payment_record(session, runtime.encryption, payment)
    with runtime.bulkhead.try_place() as free:
        if free:
            reconcile.check(runtime, payment.id)
    return show_payment(runtime, principal, payment.id)


def show_payment(runtime: Runtime, principal: Principal, reference: str) -> PaymentRecord:
    """Return the stored payment with this CheckoutRequestID or `_id`; raise NotFound."""
    with runtime.database.read() as session:
        payment = find_payment(session, runtime, principal, reference)
        return payment_record(session, runtime.encryption, payment)


def order_payments(runtime: Runtime, principal: Principal, order_id: str) -> OrderRecord:
    """Return the caller's payments of an order, newest first; raise NotFound if there are none."""
    if not is_order_id(order_id):
        raise NotFound("There is no payment of this order.")
    statement = (
        select(Payment)
        .where(Payment.order_id == order_id)
        .order_by(Payment.created_at.desc(), Payment.id.desc())
        .limit(ATTEMPTS_SHOWN)
    )
    if not principal.is_admin:
        statement = statement.where(Payment.owner == principal.subject)
    with runtime.database.read() as session:
        attempts = tuple(
            payment_record(session, runtime.encryption, payment) for payment in session.scalars(statement)
        )
    if not attempts:
        raise NotFound("There is no payment of this order.")
    return OrderRecord(order_id, attempts[0], attempts)


@dataclass(frozen=True)
class TrailEvent:
    """One line of the audit trail. `refund` is the service's id of a refund, `refund_id` is Daraja's.

    `order_id` is the order that the line is about. A move also has the order before it, and no `order_id` if
    the money is unmatched again. `reason` is a text that may name a person. `ignored_paid_at` is a time of
    payment that M-Pesa stated, as text, and that cannot be true. The API shows none of the four: they are for
    operators.
    """

    sequence: int
    at: datetime
    actor: str
    before: str | None
    after: str
    cause: str
    sentence: str
    evidence: str | None
    refund: str | None
    refund_id: str | None
    order_id: str | None
    previous_order_id: str | None
    reason: str | None
    ignored_paid_at: str | None


def payment_trail(runtime: Runtime, principal: Principal, reference: str) -> tuple[TrailEvent, ...]:
    """Return the audit trail of a payment by CheckoutRequestID or `_id`, oldest line first."""
    with runtime.database.read() as session:
        payment = find_payment(session, runtime, principal, reference)
        rows = session.execute(
            select(PaymentEvent, Refund.conversation_id)
            .outerjoin(Refund, Refund.id == PaymentEvent.refund_id)
            .where(PaymentEvent.payment_id == payment.id)
            .order_by(PaymentEvent.sequence)
        )
        return tuple(_event(row, refund_id) for row, refund_id in rows)


def _event(row: PaymentEvent, refund_id: str | None) -> TrailEvent:
    words = RefundStatus if row.refund_id else PaymentStatus
    detail = row.detail or {}
    return TrailEvent(
        sequence=row.sequence,
        at=row.at,
        actor=row.actor,
        before=words(row.from_status).public if row.from_status else None,
        after=words(row.to_status).public,
        cause=row.cause,
        sentence=in_words(row.cause),
        evidence=row.evidence,
        refund=row.refund_id,
        refund_id=refund_id,
        order_id=detail.get("orderId"),
        previous_order_id=detail.get("previousOrderId"),
        reason=detail.get("reason"),
        ignored_paid_at=detail.get(IGNORED),
    )
