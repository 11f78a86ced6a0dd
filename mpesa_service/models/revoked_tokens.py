"""Revocations of callers' tokens."""

from datetime import datetime

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.models.base import Base, RowId


class RevokedToken(Base):
    """A revocation of one token (`token_id`, its `jti`), or of the tokens of a subject issued until then."""

    __tablename__ = "revoked_tokens"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    token_id: Mapped[str | None] = mapped_column(String(255))
    subject: Mapped[str | None] = mapped_column(String(255))
    revoked_at: Mapped[datetime]
    revoked_by: Mapped[str] = mapped_column(String(255))
    reason: Mapped[str] = mapped_column(String(500))

    __table_args__ = (CheckConstraint("(token_id IS NULL) <> (subject IS NULL)", name="one_of_two"),)
