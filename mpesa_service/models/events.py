"""The audit trail: one row per change of a payment's or a refund's status. Insert only."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.models.base import Base, RowId


class PaymentEvent(Base):
    """Who changed which status, when and why.

    `cause` is the name of the edge in the transition table (or `created`, or a note that changed no status).
    `sequence` counts per payment from 1 without gaps. A row with `refund_id` contains that refund's statuses.
    The database refuses to update or delete rows (triggers in the migration).
    """

    __tablename__ = "payment_events"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    payment_id: Mapped[str] = mapped_column(ForeignKey("payments.id"))
    refund_id: Mapped[str | None] = mapped_column(ForeignKey("refunds.id"))
    sequence: Mapped[int] = mapped_column(Integer)
    from_status: Mapped[str | None] = mapped_column(String(24))
    to_status: Mapped[str] = mapped_column(String(24))
    cause: Mapped[str] = mapped_column(String(32))
    evidence: Mapped[str | None] = mapped_column(String(16))
    actor: Mapped[str] = mapped_column(String(255))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("payment_id", "sequence"),)
