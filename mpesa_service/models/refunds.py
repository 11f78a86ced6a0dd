"""One row an attempt to pay money back."""

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
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.domain.states import RefundStatus
from mpesa_service.models.base import Base, one_of


class Refund(Base):
    """A refund of `amount` whole shillings by B2C to the phone that paid.

    `originator_conversation_id` is ours and is committed before anything is sent: Daraja (v3) takes
    it once, so it is the idempotency key of the payout. `conversation_id` is Daraja's, the `refundId`
    that clients see. `held` is what it reserves of the payment while
    the money may still leave. The token hashes belong to the addresses of this refund alone: for its result,
    its time-out, and the answer to a status query. `ask_at` is when it is looked into next, and a
    job's lease while it is.
    """

    __tablename__ = "refunds"

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    payment_id: Mapped[str] = mapped_column(ForeignKey("payments.id"))
    amount: Mapped[int] = mapped_column(BigInteger)
    held: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[str] = mapped_column(String(24))
    evidence: Mapped[str | None] = mapped_column(String(16))
    phone_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    originator_conversation_id: Mapped[str] = mapped_column(String(64))
    conversation_id: Mapped[str | None] = mapped_column(String(128))
    result_token_hash: Mapped[str] = mapped_column(String(64))
    timeout_token_hash: Mapped[str] = mapped_column(String(64))
    status_token_hash: Mapped[str] = mapped_column(String(64))
    ask_at: Mapped[datetime | None]
    asks_made: Mapped[int] = mapped_column(Integer, default=0)
    receipt: Mapped[str | None] = mapped_column(String(128))
    result_code: Mapped[str | None] = mapped_column(String(32))
    result_desc: Mapped[str | None] = mapped_column(String(1024))
    failure_reason: Mapped[str | None] = mapped_column(String(512))
    requested_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]

    __table_args__ = (
        UniqueConstraint("originator_conversation_id"),
        UniqueConstraint("conversation_id"),
        UniqueConstraint("result_token_hash"),
        UniqueConstraint("timeout_token_hash"),
        UniqueConstraint("status_token_hash"),
        UniqueConstraint("receipt"),
        Index("ix_refunds_payment", "payment_id", "created_at"),
        Index(
            "ix_refunds_ask",
            "ask_at",
            postgresql_where=text("ask_at IS NOT NULL"),
            sqlite_where=text("ask_at IS NOT NULL"),
        ),
        Index(
            "ix_refunds_review",
            "id",
            postgresql_where=text("status = 'review'"),
            sqlite_where=text("status = 'review'"),
        ),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(one_of("status", RefundStatus), name="status"),
    )

    @property
    def state(self) -> RefundStatus:
        return RefundStatus(self.status)
