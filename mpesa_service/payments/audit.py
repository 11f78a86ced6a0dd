"""The audit trail of a payment, with a sentence for each line."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.states import PaymentStatus, RefundStatus
from mpesa_service.domain.trail import in_words
from mpesa_service.models import PaymentEvent, Refund
from mpesa_service.payments.lookup import find_payment


@dataclass(frozen=True)
class TrailEvent:
    """One line of the audit trail. `refund` is the service's id of a refund, `refund_id` is Daraja's.

    The event's `detail` is left out: it holds texts from M-Pesa and from operators, which may name a person.
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
    )
