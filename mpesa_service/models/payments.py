"""Payments (one row each, for all providers), their audit trail, and their refunds."""

from datetime import datetime
from enum import StrEnum
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
)
from sqlalchemy.orm import Mapped, mapped_column, validates

from mpesa_service.domain.commands import RefundMethod
from mpesa_service.domain.states import PaymentStatus, RefundStatus
from mpesa_service.models.base import Base, due_index, one_of, review_index
from mpesa_service.models.commands import CommandColumns, EventColumns, MovedColumns


class Provider(StrEnum):
    MPESA = "mpesa"
    STRIPE = "stripe"


class Channel(StrEnum):
    """How an M-Pesa payment arrived."""

    STK = "stk"
    """By a prompt that the service sent."""
    C2B = "c2b"
    """A C2B payment, reported by a confirmation."""


_OWN_COLUMNS = {
    "channel = 'stk'": ("callback_token_hash", "phone_encrypted", "phone_hash"),
    "channel = 'c2b'": ("receipt", "payer_encrypted"),
    "channel IS NULL": ("stripe_payment_intent_id",),
}
_ALIEN_COLUMNS = {
    "channel = 'stk'": ("stripe_payment_intent_id",),
    "channel = 'c2b'": ("stripe_payment_intent_id", "callback_token_hash", "checkout_id_hash"),
    "channel IS NULL": ("callback_token_hash", "phone_encrypted", "phone_hash", "payer_encrypted"),
}


def _own_columns_only() -> str:
    """Return the condition that a row has its own channel's columns and none of the others'."""
    cases = []
    for channel, own in _OWN_COLUMNS.items():
        provider = Provider.STRIPE if channel.endswith("NULL") else Provider.MPESA
        # In SQL, a comparison with NULL is not false, so a row must name its channel before it is compared.
        named = [] if provider is Provider.STRIPE else ["channel IS NOT NULL"]
        terms = [f"provider = '{provider}'", *named, channel, *(f"{column} IS NOT NULL" for column in own)]
        terms += [f"{column} IS NULL" for column in _ALIEN_COLUMNS[channel]]
        cases.append(f"({' AND '.join(terms)})")
    return " OR ".join(cases)


class Payment(Base):
    """A payment of `amount` whole Kenyan shillings towards `order_id`, by `owner`.

    A C2B payment (channel `c2b`) has a receipt from the beginning, and no `order_id` until it is matched.
    `payer_encrypted` is its payer as M-Pesa reports it, masked or hashed. `phone_encrypted` is set only if
    the whole number is known. `expected_order_id` is the expected order that it counts towards.
    `reference_key` is the common form of all spellings of the order id. The account that a payer typed is
    often a phone number, so it is encrypted (`bill_reference_encrypted`), and `reference_key` is then the
    keyed hash of its common form.

    `paid_at` is M-Pesa's own time of the payment, and `paid_at_source` the evidence that stated it.
    `claimed_paid_at` belongs to `claimed_receipt`.

    `order_lock` and `phone_lock` hold the order id and the phone's hash while no second payment may start.
    They are unique, so the database decides races. `refunding_amount` is reserved by pending refunds, and
    `refunded_amount` is refunded. Together they never exceed the payment. Every writer raises `version`: a
    change that is based on an older version is not written. `next_check_at` is the time of the next query,
    and a job's lease during the query; the schedule counts from `checks_since`. Columns that contain a phone
    number (a CheckoutRequestID contains one) are encrypted, with a keyed hash beside them for look-ups.
    """

    __tablename__ = "payments"

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    provider: Mapped[str] = mapped_column(String(8))
    channel: Mapped[str | None] = mapped_column(String(8))
    owner: Mapped[str] = mapped_column(String(255))
    order_id: Mapped[str | None] = mapped_column(String(64))
    expected_order_id: Mapped[str | None] = mapped_column(ForeignKey("expected_orders.id"))
    amount: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(String(3))
    status: Mapped[str] = mapped_column(String(24))
    evidence: Mapped[str | None] = mapped_column(String(16))
    result_code: Mapped[str | None] = mapped_column(String(32))
    result_desc: Mapped[str | None] = mapped_column(String(1024))
    failure_reason: Mapped[str | None] = mapped_column(String(512))
    receipt: Mapped[str | None] = mapped_column(String(128))
    refunded_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    refunding_amount: Mapped[int] = mapped_column(BigInteger, default=0)
    refund_count: Mapped[int] = mapped_column(Integer, default=0)
    details: Mapped[dict[str, Any]] = mapped_column("metadata", JSON, default=dict)
    event_count: Mapped[int] = mapped_column(Integer, default=0)
    outgoing_count: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]
    paid_at: Mapped[datetime | None]
    paid_at_source: Mapped[str | None] = mapped_column(String(16))

    phone_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone_hash: Mapped[str | None] = mapped_column(String(64))
    payer_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    bill_reference_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    account_reference: Mapped[str | None] = mapped_column(String(12))
    reference_key: Mapped[str | None] = mapped_column(String(64))
    callback_token_hash: Mapped[str | None] = mapped_column(String(64))
    checkout_id_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    checkout_id_hash: Mapped[str | None] = mapped_column(String(64))
    merchant_request_id: Mapped[str | None] = mapped_column(String(128))
    prompt_expires_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime | None]
    checks_since: Mapped[datetime | None]
    last_checked_at: Mapped[datetime | None]
    check_attempts: Mapped[int] = mapped_column(Integer, default=0)
    mismatch: Mapped[str | None] = mapped_column(String(16))
    claimed_receipt: Mapped[str | None] = mapped_column(String(128))
    claimed_paid_at: Mapped[datetime | None]
    negative_result_code: Mapped[str | None] = mapped_column(String(32))
    negative_result_at: Mapped[datetime | None]
    order_lock: Mapped[str | None] = mapped_column(String(64))
    phone_lock: Mapped[str | None] = mapped_column(String(64))

    stripe_payment_intent_id: Mapped[str | None] = mapped_column(String(255))

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - as SQLAlchemy declares it
    __table_args__ = (
        UniqueConstraint("provider", "receipt", name="uq_payments_receipt"),
        UniqueConstraint("callback_token_hash"),
        UniqueConstraint("checkout_id_hash"),
        UniqueConstraint("stripe_payment_intent_id"),
        UniqueConstraint("order_lock"),
        UniqueConstraint("phone_lock"),
        Index("ix_payments_order", "order_id", "created_at"),
        Index("ix_payments_account_reference", "account_reference", "id"),
        Index("ix_payments_reference_key", "reference_key", "id"),
        Index("ix_payments_expected_order", "expected_order_id"),
        Index("ix_payments_owner", "owner", "id"),
        Index("ix_payments_owner_status", "owner", "status", "id"),
        Index("ix_payments_status", "status", "id"),
        Index("ix_payments_owner_paid_at", "owner", "paid_at", "id"),
        Index("ix_payments_paid_at", "paid_at", "id"),
        Index("ix_payments_phone", "phone_hash"),
        Index("ix_payments_amount", "amount"),
        due_index("payments"),
        review_index("payments"),
        CheckConstraint(one_of("provider", Provider), name="provider"),
        CheckConstraint(f"channel IS NULL OR {one_of('channel', Channel)}", name="channel"),
        CheckConstraint(one_of("status", PaymentStatus), name="status"),
        CheckConstraint("currency = 'kes'", name="currency"),
        CheckConstraint("amount > 0", name="amount"),
        CheckConstraint(
            "refunded_amount >= 0 AND refunding_amount >= 0 AND refunded_amount + refunding_amount <= amount",
            name="refunds_within_amount",
        ),
        CheckConstraint(_own_columns_only(), name="own_columns_only"),
    )

    @property
    def state(self) -> PaymentStatus:
        return PaymentStatus(self.status)

    @property
    def refundable_amount(self) -> int:
        return self.amount - self.refunded_amount - self.refunding_amount

    @validates("amount", "refunded_amount", "refunding_amount")
    def _whole_shillings(self, name: str, value: object) -> object:
        if type(value) is not int:
            raise TypeError(f"{name} is whole shillings as an int, not {type(value).__name__}")
        return value

    @validates("provider")
    def _known_provider(self, _name: str, value: str) -> str:
        return Provider(value).value


class PaymentEvent(EventColumns, Base):
    """Who changed which status, when and why.

    `sequence` counts per payment from 1 without gaps. A row with `refund_id` contains that refund's statuses.
    The database refuses to update or delete rows (triggers in the migration).
    """

    __tablename__ = "payment_events"

    payment_id: Mapped[str] = mapped_column(ForeignKey("payments.id"))
    refund_id: Mapped[str | None] = mapped_column(ForeignKey("refunds.id"))

    __table_args__ = (UniqueConstraint("payment_id", "sequence"),)


class Refund(CommandColumns, MovedColumns, Base):
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
        Index("ix_refunds_paid_at", "paid_at", "id"),
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
