"""Pulls: what the service fetched of the money that a shortcode received."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.models.base import Base, RowId, one_of


class PullStatus(StrEnum):
    RUNNING = "running"
    COMPLETE = "complete"
    """All pages of the window were read."""
    SUSPECT = "suspect"
    """M-Pesa reported nothing, although money arrived in the window: perhaps it is not provisioned."""
    FAILED = "failed"
    """The window was not read to its end."""


class Pull(Base):
    """One pull of a window of time, for one shortcode.

    `running_lock` is the shortcode while the pull runs: it is unique, so that two never run at once. A pull
    whose lease is over was interrupted. `gap_from` is set if M-Pesa does not serve the time from there to
    `window_from` any more. Rows that could not be understood are kept, encrypted, because they name people.
    """

    __tablename__ = "pulls"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    shortcode: Mapped[str] = mapped_column(String(16))
    window_from: Mapped[datetime]
    window_to: Mapped[datetime]
    gap_from: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(String(16))
    pages: Mapped[int] = mapped_column(Integer, default=0)
    rows_seen: Mapped[int] = mapped_column(Integer, default=0)
    booked: Mapped[int] = mapped_column(Integer, default=0)
    known: Mapped[int] = mapped_column(Integer, default=0)
    disputed: Mapped[int] = mapped_column(Integer, default=0)
    unreadable: Mapped[int] = mapped_column(Integer, default=0)
    unreadable_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    result_code: Mapped[str | None] = mapped_column(String(32))
    error: Mapped[str | None] = mapped_column(String(512))
    requested_by: Mapped[str] = mapped_column(String(255))
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    running_lock: Mapped[str | None] = mapped_column(String(16))

    __table_args__ = (
        UniqueConstraint("running_lock"),
        Index("ix_pulls_shortcode", "shortcode", "window_to"),
        CheckConstraint(one_of("status", PullStatus), name="status"),
    )
