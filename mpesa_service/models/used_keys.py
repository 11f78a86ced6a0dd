"""The keys that stored data was made with."""

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.models.base import Base


class UsedKey(Base):
    """A key that stored data may need: the id of an encryption key, or that of the hash key (`purpose`).

    The id is a one-way hash of the key, so the row shows whether a process has the key and nothing of it.
    """

    __tablename__ = "used_keys"

    key_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16))
    first_used_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("purpose IN ('encryption', 'hash')", name="purpose"),)
