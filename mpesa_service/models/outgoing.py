"""Outgoing events. Each is written in the transaction of its change. Insert only."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.models.base import Base, RowId


class OutgoingEvent(Base):
    """One published event. `event_id` is its webhook-id, `payload` the exact bytes of every attempt.

    `subject_id` is the id of a payment, a payout or a batch, or the balance. `sequence` counts per subject
    from 1 without gaps, in the order of the changes.
    """

    __tablename__ = "outgoing_events"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    event_id: Mapped[str] = mapped_column(String(48))
    subject_id: Mapped[str] = mapped_column(String(24))
    payment_id: Mapped[str | None] = mapped_column(ForeignKey("payments.id"))
    refund_id: Mapped[str | None] = mapped_column(ForeignKey("refunds.id"))
    type: Mapped[str] = mapped_column(String(32))
    sequence: Mapped[int] = mapped_column(Integer)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("event_id"),
        UniqueConstraint("subject_id", "sequence"),
        Index("ix_outgoing_events_payment", "payment_id"),
        Index("ix_outgoing_events_created", "created_at"),
    )
