"""Inquiries to M-Pesa, and the answers: transaction status and account balances."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.domain.commands import InquiryKind
from mpesa_service.models.base import Base, RowId, due_index, one_of, partial_index
from mpesa_service.models.commands import CommandColumns


class InquiryStatus(StrEnum):
    SUBMITTING = "submitting"
    PENDING = "pending"
    ANSWERED = "answered"
    FAILED = "failed"
    """M-Pesa refused the inquiry, or never answered. The status of its subject stays unknown."""


class ReceiptBooking(StrEnum):
    """What became of the request to book the money of an inquiry's receipt."""

    WANTED = "wanted"
    """M-Pesa has not answered, or the answer is about to be booked."""
    BOOKED = "booked"
    UNMATCHED = "unmatched"
    WAITING = "waiting"
    """It is stored, and is matched within minutes."""
    KNOWN = "known"
    """It was booked before."""
    DISPUTED = "disputed"
    REFUSED = "refused"
    """No money arrived here, or M-Pesa does not know the receipt."""


class Inquiry(CommandColumns, Base):
    """One inquiry. It moves no money, so it may be sent again.

    `receipt` is the transaction to check. If its money must be booked, `booking` says what became of it, and
    `payment_id` is the payment that has the money. The answer is encrypted, since it contains names.
    """

    __tablename__ = "inquiries"

    kind: Mapped[str] = mapped_column(String(8))
    receipt: Mapped[str | None] = mapped_column(String(128))
    payment_id: Mapped[str | None] = mapped_column(ForeignKey("payments.id"))
    answer_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    booking: Mapped[str | None] = mapped_column(String(16))
    booking_reason: Mapped[str | None] = mapped_column(String(512))

    __table_args__ = (
        Index("ix_inquiries_receipt", "receipt", "id"),
        Index("ix_inquiries_kind", "kind", "id"),
        due_index("inquiries"),
        CheckConstraint(one_of("kind", InquiryKind), name="kind"),
        partial_index("ix_inquiries_booking", "id", where="booking = 'wanted'"),
        CheckConstraint(one_of("status", InquiryStatus), name="status"),
        CheckConstraint(f"booking IS NULL OR {one_of('booking', ReceiptBooking)}", name="booking"),
    )

    @property
    def state(self) -> InquiryStatus:
        return InquiryStatus(self.status)


class AccountBalance(Base):
    """The balance of one account of the shortcode, in cents, at the time of an inquiry. Kept as history."""

    __tablename__ = "account_balances"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    inquiry_id: Mapped[str] = mapped_column(ForeignKey("inquiries.id"))
    account: Mapped[str] = mapped_column(String(64))
    currency: Mapped[str] = mapped_column(String(3))
    current_cents: Mapped[int] = mapped_column(BigInteger)
    available_cents: Mapped[int] = mapped_column(BigInteger)
    reserved_cents: Mapped[int] = mapped_column(BigInteger)
    uncleared_cents: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("inquiry_id", "account"),
        Index("ix_account_balances_account", "account", "id"),
    )
