"""All callbacks, exactly as M-Pesa posted them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.domain.callbacks import CallbackKind, InboxVerdict
from mpesa_service.models.base import Base, RowId, one_of


class CallbackInbox(Base):
    """A raw callback, encrypted (it contains a phone number), and the verdict on it.

    `post_id` is a random id of the HTTP post. It is unique, so a post is stored once, however many tries that
    takes. Rows of versions before migration 0014 have none.

    `full_size` is set if the body was too large: its size in bytes, of which only the beginning is stored.
    `full_sha256` is the SHA-256 of the whole body, or None if the service did not read it to its end.
    """

    __tablename__ = "callback_inbox"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    post_id: Mapped[str | None] = mapped_column(String(24))
    kind: Mapped[str] = mapped_column(String(24))
    token_hash: Mapped[str | None] = mapped_column(String(64))
    body_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    full_size: Mapped[int | None] = mapped_column(BigInteger)
    full_sha256: Mapped[str | None] = mapped_column(String(64))
    headers: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    source_address: Mapped[str | None] = mapped_column(String(64))
    received_at: Mapped[datetime]
    verdict: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(512))
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    processed_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(String(128))
    decided_why: Mapped[str | None] = mapped_column(String(512))
    payment_id: Mapped[str | None] = mapped_column(ForeignKey("payments.id"))
    refund_id: Mapped[str | None] = mapped_column(ForeignKey("refunds.id"))
    payout_id: Mapped[str | None] = mapped_column(ForeignKey("payouts.id"))
    inquiry_id: Mapped[str | None] = mapped_column(ForeignKey("inquiries.id"))

    __table_args__ = (
        Index("ix_callback_inbox_post", "post_id", unique=True),
        Index("ix_callback_inbox_verdict", "verdict", "id"),
        Index("ix_callback_inbox_payment", "payment_id"),
        CheckConstraint(one_of("kind", CallbackKind), name="kind"),
        CheckConstraint(one_of("verdict", InboxVerdict), name="verdict"),
    )
