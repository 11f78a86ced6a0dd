"""The columns that all commands share (requests that M-Pesa answers later), and all audit trails."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.models.base import RowId


class CommandColumns:
    """The progress of a refund, a payout or an inquiry.

    `originator_conversation_id` is created by the service, and is committed before anything is sent: Daraja's
    B2C v3 accepts it once, so it is the idempotency key of the payout. `conversation_id` is Daraja's. The
    token hashes belong to the addresses of this command alone: for its result, its time-out, and the answer
    to a status query about it. `next_check_at` is the time of the next check, and a job's lease during the
    check.
    """

    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    status: Mapped[str] = mapped_column(String(24))
    evidence: Mapped[str | None] = mapped_column(String(16))
    originator_conversation_id: Mapped[str] = mapped_column(String(64), unique=True)
    conversation_id: Mapped[str | None] = mapped_column(String(128), unique=True)
    result_token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    timeout_token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    status_token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    next_check_at: Mapped[datetime | None]
    check_attempts: Mapped[int] = mapped_column(Integer, default=0)
    result_code: Mapped[str | None] = mapped_column(String(32))
    result_desc: Mapped[str | None] = mapped_column(String(1024))
    failure_reason: Mapped[str | None] = mapped_column(String(512))
    requested_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]


class MovedColumns:
    """M-Pesa's own time at which a refund or payout moved its money, and the source that stated it.

    Both are empty until M-Pesa states a time, and while no money has moved.
    """

    paid_at: Mapped[datetime | None]
    paid_at_source: Mapped[str | None] = mapped_column(String(16))


class EventColumns:
    """A line of an audit trail: who changed which status, when and why.

    `cause` is the name of the edge in the transition table (or `created`, or a note that changed no status).
    """

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    sequence: Mapped[int] = mapped_column(Integer)
    from_status: Mapped[str | None] = mapped_column(String(24))
    to_status: Mapped[str] = mapped_column(String(24))
    cause: Mapped[str] = mapped_column(String(32))
    evidence: Mapped[str | None] = mapped_column(String(16))
    actor: Mapped[str] = mapped_column(String(255))
    detail: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    at: Mapped[datetime]
