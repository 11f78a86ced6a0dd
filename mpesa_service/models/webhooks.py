"""Outgoing events, endpoints, and deliveries. An endpoint is locked before its deliveries.

Each event is written in the transaction of its change. Insert only.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.domain.deliveries import DeliveryStatus
from mpesa_service.models.base import Base, RowId, one_of, partial_index


class WebhookEndpoint(Base):
    """An address that receives events: those of `event_types`, or all events if that is empty.

    `event_types` contains words, each between two spaces. `previous_secret_encrypted` also signs, until
    `previous_valid_until`. `struggling` means that the last attempt failed. `served_at` is the time at which
    its deliveries were last claimed: endpoints alternate.
    """

    __tablename__ = "webhook_endpoints"

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    url: Mapped[str] = mapped_column(String(2048))
    description: Mapped[str] = mapped_column(String(255))
    event_types: Mapped[str] = mapped_column(String(1024))
    secret_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    previous_secret_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_valid_until: Mapped[datetime | None]
    enabled: Mapped[bool] = mapped_column(Boolean)
    disabled_reason: Mapped[str | None] = mapped_column(String(255))
    struggling: Mapped[bool] = mapped_column(Boolean)
    served_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    updated_by: Mapped[str] = mapped_column(String(255))
    updated_at: Mapped[datetime]

    @property
    def types(self) -> list[str]:
        return self.event_types.split()

    @types.setter
    def types(self, types: Iterable[str]) -> None:
        self.event_types = "".join(f" {word} " for word in types)


class WebhookDelivery(Base):
    """One event on its way to one endpoint. A resend is its own row, with the next `resend` number.

    `attempts` counts finished attempts. `claims` counts the claims since the last finished attempt.
    `lease_until` is set while it is claimed, and is the time after which its worker counts as dead.
    Deliveries that are sent one after the other share one lease.
    """

    __tablename__ = "webhook_deliveries"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("webhook_endpoints.id"))
    outgoing_event_id: Mapped[int] = mapped_column(ForeignKey("outgoing_events.id"))
    resend: Mapped[int] = mapped_column(Integer)
    status: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(Integer)
    claims: Mapped[int] = mapped_column(Integer)
    due_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    last_status: Mapped[int | None] = mapped_column(Integer)
    last_error: Mapped[str | None] = mapped_column(String(512))
    last_body: Mapped[str | None] = mapped_column(String(500))
    last_attempt_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("outgoing_event_id", "endpoint_id", "resend"),
        Index("ix_webhook_deliveries_endpoint", "endpoint_id", "id"),
        partial_index("ix_webhook_deliveries_due", "endpoint_id", "due_at", "id", where="status = 'waiting'"),
        partial_index(
            "ix_webhook_deliveries_leased", "endpoint_id", "lease_until", where="lease_until IS NOT NULL"
        ),
        CheckConstraint(one_of("status", DeliveryStatus), name="status"),
    )


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
