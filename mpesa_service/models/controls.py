"""State that all processes share besides money: the rate limiter, and suspensions."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.models.base import Base


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
