"""Discrepancies between M-Pesa's reports and the record, until a person closes them."""

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

from mpesa_service.domain.discrepancies import DiscrepancyKind
from mpesa_service.models.base import Base, one_of, partial_index


class Discrepancy(Base):
    """One discrepancy. `subject` is what it is about: of each kind, each subject is reported once.

    `receipt` and `amount_cents` are those of the line or of the money; money that left is negative.
    `statement_id` and `row_number` name the line of a statement. `resource_id` is a payment, refund or payout
    that it may concern. `account_encrypted` is the account that a repeated confirmation named. The last four
    columns are the decision: `belongs_to` is the payment, refund or payout to which the line belongs.
    """

    __tablename__ = "discrepancies"

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    subject: Mapped[str] = mapped_column(String(64))
    receipt: Mapped[str] = mapped_column(String(128))
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    statement_id: Mapped[str | None] = mapped_column(String(24))
    row_number: Mapped[int | None] = mapped_column(Integer)
    resource_id: Mapped[str | None] = mapped_column(String(24))
    account_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(255))
    closed_why: Mapped[str | None] = mapped_column(String(500))
    belongs_to: Mapped[str | None] = mapped_column(String(24))

    __table_args__ = (
        UniqueConstraint("kind", "subject"),
        partial_index("ix_discrepancies_open", "id", where="closed_at IS NULL"),
        CheckConstraint(one_of("kind", DiscrepancyKind), name="kind"),
    )


class DiscrepancyCandidate(Base):
    """A refund or payout that a payout of a statement may be: it was not paid when the statement was
    applied. `resource_id` is its id.
    """

    __tablename__ = "discrepancy_candidates"

    discrepancy_id: Mapped[str] = mapped_column(ForeignKey("discrepancies.id"), primary_key=True)
    resource_id: Mapped[str] = mapped_column(String(24), primary_key=True)

    __table_args__ = (Index("ix_discrepancy_candidates_resource", "resource_id"),)
