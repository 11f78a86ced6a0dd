"""Payments whose money M-Pesa itself has reported to this service."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.domain.reports import Evidence
from mpesa_service.domain.states import PAID
from mpesa_service.models import PaymentEvent

_FROM_MPESA = (Evidence.CALLBACK, Evidence.QUERY, Evidence.STATUS, Evidence.PULL)
"""Answers to this service's own requests, and callbacks: only one payment has their address."""


def reported_by_mpesa(session: Session, payment_id: str) -> bool:
    """Return whether M-Pesa reported the payment as paid, beside C2B confirmations, statements and people."""
    event = PaymentEvent
    statement = select(event.id).where(
        event.payment_id == payment_id, event.evidence.in_(_FROM_MPESA), event.to_status.in_(PAID)
    )
    return session.scalar(statement.limit(1)) is not None
