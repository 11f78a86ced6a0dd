"""Orders that a shop registers in advance, and C2B payments."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    UniqueConstraint,
    false,
)
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.domain.confirmation_checks import CheckResult
from mpesa_service.domain.orders import STILL_DUE, AmountRule, OrderStatus, ReferenceRule, WhenUnsure
from mpesa_service.domain.reports import ARRIVALS, Evidence
from mpesa_service.models.base import Base, RowId, one_of, partial_index


class ExpectedOrder(Base):
    """An order of `amount_due` whole shillings that a customer may pay, in parts or at once.

    `reference` is the shop's order id. `reference_key` is the common form of its spellings, and `account_key`
    that of the reference in a prompt. `received_amount` is the sum of its payments, less the refunds. An
    admin registers orders for the whole shop (`shop_wide`): they count all callers' payments of this order
    id. Other orders count only their owner's payments.
    """

    __tablename__ = "expected_orders"

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    owner: Mapped[str] = mapped_column(String(255))
    shop_wide: Mapped[bool] = mapped_column(default=False, server_default=false())
    reference: Mapped[str] = mapped_column(String(64))
    reference_key: Mapped[str] = mapped_column(String(64))
    account_key: Mapped[str] = mapped_column(String(12))
    amount_due: Mapped[int] = mapped_column(BigInteger)
    amount_rule: Mapped[str | None] = mapped_column(String(8))
    received_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    status: Mapped[str] = mapped_column(String(24))
    details: Mapped[dict[str, Any]] = mapped_column("metadata", JSON, default=dict)
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - as SQLAlchemy declares it
    __table_args__ = (
        UniqueConstraint("reference"),
        UniqueConstraint("reference_key"),
        Index("ix_expected_orders_account_key", "account_key"),
        Index("ix_expected_orders_status", "status", "id"),
        partial_index("ix_expected_orders_expires", "expires_at", where="expires_at IS NOT NULL"),
        CheckConstraint("amount_due > 0", name="amount_due"),
        CheckConstraint(one_of("status", OrderStatus), name="status"),
        CheckConstraint(f"amount_rule IS NULL OR {one_of('amount_rule', AmountRule)}", name="amount_rule"),
    )

    @property
    def state(self) -> OrderStatus:
        return OrderStatus(self.status)

    @property
    def missing_amount(self) -> int:
        """The shillings that are still missing."""
        return max(self.amount_due - self.received_amount, 0)

    @property
    def overpaid_amount(self) -> int:
        """The shillings that were paid beyond the amount due."""
        return max(self.received_amount - self.amount_due, 0)

    def is_over(self, now: datetime) -> bool:
        """Return whether the order has expired. A payment made in time counts even if its report is late."""
        return self.expires_at is not None and self.expires_at <= now

    def status_at(self, now: datetime) -> OrderStatus:
        """Return the status. An unpaid order is `expired` at once, before a job stores that status."""
        return OrderStatus.EXPIRED if self.is_over(now) and self.state in STILL_DUE else self.state

    def counts_payments_of(self, owner: str) -> bool:
        """Return whether this order counts payments of its order id by `owner`."""
        return self.shop_wide or self.owner == owner


class C2bRule(Base):
    """The rules of validation for payments to one shortcode."""

    __tablename__ = "c2b_rules"

    shortcode: Mapped[str] = mapped_column(String(16), primary_key=True)
    reference_rule: Mapped[str] = mapped_column(String(8))
    amount_rule: Mapped[str] = mapped_column(String(8))
    when_unsure: Mapped[str] = mapped_column(String(8))
    updated_by: Mapped[str] = mapped_column(String(255))
    updated_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint(one_of("reference_rule", ReferenceRule), name="reference_rule"),
        CheckConstraint(one_of("amount_rule", AmountRule), name="amount_rule"),
        CheckConstraint(one_of("when_unsure", WhenUnsure), name="when_unsure"),
    )


class C2bConfirmation(Base):
    """Money that arrived, by its receipt. Its unique insert decides which process books the money.

    `source` is the kind of evidence that reported it first: a confirmation, a pull, a transaction status or a
    statement. Later sources only fill what is missing.

    `payment_id` is the payment that it became, or that it confirms. Until then, `retry_at` is the time of the
    next attempt to match it. The payer (masked or hashed by M-Pesa), the names and the typed account are
    encrypted. A fractional amount is no payment: it has a `fractional_id`, under which it is listed until an
    operator has handled it (`closed_at`). `disputed_cents` is another amount that a later source reported.
    `check_at` is when M-Pesa is asked whether the money came, and `check_result` is its answer.
    """

    __tablename__ = "c2b_confirmations"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    receipt: Mapped[str] = mapped_column(String(128))
    source: Mapped[str] = mapped_column(
        String(16), default=Evidence.CONFIRMATION.value, server_default=Evidence.CONFIRMATION.value
    )
    shortcode: Mapped[str] = mapped_column(String(16))
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    disputed_cents: Mapped[int | None] = mapped_column(BigInteger)
    transaction_type: Mapped[str] = mapped_column(String(64))
    bill_reference_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    payer_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    payer_kind: Mapped[str] = mapped_column(String(8))
    names_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    transacted_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    payment_id: Mapped[str | None] = mapped_column(ForeignKey("payments.id"))
    retry_at: Mapped[datetime | None]
    fractional_id: Mapped[str | None] = mapped_column(String(24))
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(255))
    closed_why: Mapped[str | None] = mapped_column(String(500))
    check_at: Mapped[datetime | None]
    check_result: Mapped[str | None] = mapped_column(String(16))

    __table_args__ = (
        UniqueConstraint("receipt"),
        UniqueConstraint("fractional_id"),
        Index("ix_c2b_confirmations_payment", "payment_id"),
        partial_index("ix_c2b_confirmations_retry", "retry_at", where="retry_at IS NOT NULL"),
        partial_index("ix_c2b_confirmations_check", "check_at", where="check_at IS NOT NULL"),
        CheckConstraint(one_of("source", ARRIVALS), name="source"),
        CheckConstraint(
            f"check_result IS NULL OR {one_of('check_result', CheckResult)}", name="check_result"
        ),
    )
