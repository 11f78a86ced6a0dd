"""State that all processes share besides money: rate limiters, suspensions, tokens, idempotency keys."""

from datetime import datetime

from sqlalchemy import Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.models.base import Base, RowId


class RateLimiter(Base):
    """A token bucket in one time stamp (GCRA): the next call is on schedule at `next_at`."""

    __tablename__ = "rate_limiters"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    next_at: Mapped[datetime]


class Suspension(Base):
    """A suspension, which ends when a person resumes the operations, and its reason."""

    __tablename__ = "suspensions"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    reason: Mapped[str] = mapped_column(String(512))
    since: Mapped[datetime]


class UnknownCodeCount(Base):
    """How many results of one kind of command had the same unknown code, one after the other.

    `name` is that of the suspension that a high count starts. Without a row, the count is 0.
    """

    __tablename__ = "unknown_code_counts"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    result_code: Mapped[str] = mapped_column(String(32))
    in_a_row: Mapped[int] = mapped_column(Integer)
    updated_at: Mapped[datetime]


class DarajaToken(Base):
    """One row per app (host and consumer key). `refresh_until` is the lease for fetching a token."""

    __tablename__ = "daraja_tokens"

    app: Mapped[str] = mapped_column(String(64), primary_key=True)
    token_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime | None]
    refresh_until: Mapped[datetime | None]


class IdempotencyKey(Base):
    """One key of one caller for one operation. The unique insert decides which request acts.

    `answer_status` and `answer_body` are the first answer, byte for byte, as soon as there is one (encrypted,
    since it contains a phone number). Until then, the process that inserted the row is at work, or has died:
    `resource_id` names the payment or refund of the same transaction, from which the answer can be made
    again.
    """

    __tablename__ = "idempotency_keys"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    caller: Mapped[str] = mapped_column(String(255))
    operation: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(255))
    request_hash: Mapped[str] = mapped_column(String(64))
    resource_id: Mapped[str] = mapped_column(String(24))
    locked_until: Mapped[datetime]
    answer_status: Mapped[int | None] = mapped_column(Integer)
    answer_body: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("caller", "operation", "key"),
        Index("ix_idempotency_keys_expires", "expires_at"),
    )
