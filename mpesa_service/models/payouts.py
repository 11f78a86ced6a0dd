"""Money that the shop pays out: batches, their rows, and the audit trail of both."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.domain.commands import BatchStatus, PayoutType
from mpesa_service.domain.states import PayoutStatus
from mpesa_service.models.base import Base, due_index, one_of, partial_index, review_index
from mpesa_service.models.commands import CommandColumns, EventColumns, MovedColumns


class PayoutBatch(Base):
    """Payouts that were requested together. A single payout is a batch of one.

    `reference` is the caller's id, and the batch's idempotency key. `request_hash` shows whether a repeated
    request has the same content. The admin who created the batch (`created_by`) never approves it.
    `served_at` is the time at which a row of it was last sent: batches alternate.
    """

    __tablename__ = "payout_batches"

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    reference: Mapped[str] = mapped_column(String(64))
    request_hash: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(24))
    description: Mapped[str] = mapped_column(String(255))
    row_count: Mapped[int] = mapped_column(Integer)
    total_amount: Mapped[int] = mapped_column(BigInteger)
    needs_approval: Mapped[bool]
    created_by: Mapped[str] = mapped_column(String(255))
    approved_by: Mapped[str | None] = mapped_column(String(255))
    approved_at: Mapped[datetime | None]
    served_at: Mapped[datetime]
    event_count: Mapped[int] = mapped_column(Integer, default=0)
    outgoing_count: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("reference"),
        Index("ix_payout_batches_status", "status", "id"),
        CheckConstraint(one_of("status", BatchStatus), name="status"),
        CheckConstraint("row_count > 0 AND total_amount > 0", name="sums"),
        CheckConstraint("approved_by IS NULL OR approved_by <> created_by", name="four_eyes"),
    )

    @property
    def state(self) -> BatchStatus:
        return BatchStatus(self.status)


class Payout(CommandColumns, MovedColumns, Base):
    """One row of a batch: `amount` whole shillings to a phone, a pay bill or a till.

    The party (a phone number, or a business number) is encrypted, with a keyed hash beside it. So is the
    account at a pay bill, which may belong to a person. `first_sent_at` is the time of the
    first send, which may be hours after the request.
    """

    __tablename__ = "payouts"

    batch_id: Mapped[str] = mapped_column(ForeignKey("payout_batches.id"))
    row_number: Mapped[int] = mapped_column(Integer)
    type: Mapped[str] = mapped_column(String(16))
    command: Mapped[str | None] = mapped_column(String(24))
    amount: Mapped[int] = mapped_column(BigInteger)
    party_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    party_hash: Mapped[str] = mapped_column(String(64))
    account_reference_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    remarks: Mapped[str] = mapped_column(String(100))
    receipt: Mapped[str | None] = mapped_column(String(128))
    first_sent_at: Mapped[datetime | None]
    event_count: Mapped[int] = mapped_column(Integer, default=0)
    outgoing_count: Mapped[int] = mapped_column(Integer, default=0)

    __table_args__ = (
        UniqueConstraint("batch_id", "row_number"),
        UniqueConstraint("receipt"),
        partial_index("ix_payouts_waiting", "batch_id", "row_number", where="status = 'waiting'"),
        Index("ix_payouts_batch_status", "batch_id", "status"),
        Index("ix_payouts_paid_at", "paid_at", "id"),
        due_index("payouts"),
        review_index("payouts"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(one_of("status", PayoutStatus), name="status"),
        CheckConstraint(one_of("type", PayoutType), name="type"),
    )

    @property
    def state(self) -> PayoutStatus:
        return PayoutStatus(self.status)


class PayoutEvent(EventColumns, Base):
    """The audit trail of a batch and of each of its rows. Insert only, like the audit trail of payments.

    `subject_id` is the id of the row, or of the batch for its own events. `sequence` counts per subject.
    """

    __tablename__ = "payout_events"

    subject_id: Mapped[str] = mapped_column(String(24))
    batch_id: Mapped[str] = mapped_column(ForeignKey("payout_batches.id"))
    payout_id: Mapped[str | None] = mapped_column(ForeignKey("payouts.id"))

    __table_args__ = (
        UniqueConstraint("subject_id", "sequence"),
        Index("ix_payout_events_batch", "batch_id", "id"),
    )
