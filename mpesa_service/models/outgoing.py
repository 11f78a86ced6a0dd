"""What is to be told to other services: written with the change that it tells of. Insert only."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.models.base import Base, RowId


class OutgoingEvent(Base):
    """One announced transition. `event_id` is its webhook-id, `payload` the exact bytes of every attempt.

    `subject_id` is what it is about: a payment, a payout, a batch, or the balance. `sequence` counts per
    subject from 1 without gaps, in the order in which things happened.
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
