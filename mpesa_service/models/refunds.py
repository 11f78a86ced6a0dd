"""Refunds: one row per attempt."""

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.domain.commands import RefundMethod
from mpesa_service.domain.states import RefundStatus
from mpesa_service.models.base import Base, due_index, one_of, review_index
from mpesa_service.models.commands import CommandColumns


class Refund(CommandColumns, Base):
    """A refund of `amount` whole shillings, by B2C to the phone that paid or by reversal of the payment.

    `reserved_amount` is what it reserves of the payment while the money may still be sent. `conversation_id`
    is the `refundId` that clients see.
    """

    __tablename__ = "refunds"

    payment_id: Mapped[str] = mapped_column(ForeignKey("payments.id"))
    method: Mapped[str] = mapped_column(String(8), default=RefundMethod.B2C.value, server_default="b2c")
    amount: Mapped[int] = mapped_column(BigInteger)
    reserved_amount: Mapped[int] = mapped_column(BigInteger)
    phone_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    receipt: Mapped[str | None] = mapped_column(String(128))

    __table_args__ = (
        UniqueConstraint("receipt"),
        Index("ix_refunds_payment", "payment_id", "created_at"),
        due_index("refunds"),
        review_index("refunds"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(one_of("status", RefundStatus), name="status"),
        CheckConstraint(one_of("method", RefundMethod), name="method"),
        CheckConstraint("method = 'reversal' OR phone_encrypted IS NOT NULL", name="phone"),
    )

    @property
    def state(self) -> RefundStatus:
        return RefundStatus(self.status)
