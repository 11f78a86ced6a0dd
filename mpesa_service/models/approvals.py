"""Outflows that wait for a second person, and the amounts that were moved in the last days."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.domain.outflow import ApprovalStatus, OutflowKind
from mpesa_service.models.base import Base, RowId, one_of, partial_index


class Approval(Base):
    """An action that waits for a second person, or the decision about it.

    `subject_id` is what the action is about: a payment, payout batch, payout or inquiry. `action_encrypted`
    has its exact parameters, since they contain a phone number. `action_hash` is a keyed hash of what is
    approved: only one equal action waits at a time. `limits` has the words of the exceeded limits. The
    approved action created `result_id`, such as a refund.
    """

    __tablename__ = "approvals"

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    kind: Mapped[str] = mapped_column(String(24))
    status: Mapped[str] = mapped_column(String(16))
    subject_id: Mapped[str] = mapped_column(String(24))
    order_id: Mapped[str | None] = mapped_column(String(64))
    amount: Mapped[int] = mapped_column(BigInteger)
    limits: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str | None] = mapped_column(String(512))
    action_hash: Mapped[str] = mapped_column(String(64))
    action_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    requested_by: Mapped[str] = mapped_column(String(255))
    decided_by: Mapped[str | None] = mapped_column(String(255))
    decided_at: Mapped[datetime | None]
    decided_why: Mapped[str | None] = mapped_column(String(512))
    result_id: Mapped[str | None] = mapped_column(String(24))
    outgoing_count: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __table_args__ = (
        Index(
            "uq_approvals_waiting",
            "action_hash",
            unique=True,
            postgresql_where=text("status = 'waiting'"),
            sqlite_where=text("status = 'waiting'"),
        ),
        Index("ix_approvals_status", "status", "id"),
        Index("ix_approvals_subject", "subject_id"),
        partial_index("ix_approvals_expires", "expires_at", where="status = 'waiting'"),
        CheckConstraint(one_of("kind", OutflowKind), name="kind"),
        CheckConstraint(one_of("status", ApprovalStatus), name="status"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(
            "status <> 'approved' OR (decided_by IS NOT NULL AND decided_by <> requested_by)",
            name="four_eyes",
        ),
    )

    @property
    def state(self) -> ApprovalStatus:
        return ApprovalStatus(self.status)


class CountedOutflow(Base):
    """Shillings that an action moved, counted for one person or for one payee (`counted_for`, a blind index).

    `subject_id` is the refund, batch or payment. An action has a row for its maker and one for each payee.
    """

    __tablename__ = "counted_outflows"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    counted_for: Mapped[str] = mapped_column(String(64))
    subject_id: Mapped[str] = mapped_column(String(24))
    kind: Mapped[str] = mapped_column(String(24))
    amount: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime]

    __table_args__ = (
        Index("ix_counted_outflows_for", "counted_for", "at"),
        Index("ix_counted_outflows_subject", "subject_id"),
        Index("ix_counted_outflows_at", "at"),
        CheckConstraint("amount > 0", name="amount"),
    )
