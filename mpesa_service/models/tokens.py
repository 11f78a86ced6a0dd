"""Daraja's access token, which all processes share: a new token may invalidate the old one."""

from datetime import datetime

from sqlalchemy import LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.models.base import Base


class DarajaToken(Base):
    """One row per app (host and consumer key). `refresh_until` is the lease for fetching a token."""

    __tablename__ = "daraja_tokens"

    app: Mapped[str] = mapped_column(String(64), primary_key=True)
    token_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime | None]
    refresh_until: Mapped[datetime | None]
