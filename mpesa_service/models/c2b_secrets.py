"""The secrets in the addresses to which M-Pesa reports C2B payments."""

from datetime import datetime

from sqlalchemy import CheckConstraint, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from mpesa_service.models.base import Base, RowId


class C2bSecret(Base):
    """One secret of one shortcode; several are valid at once. It is found by its SHA-256.

    It is not valid from `valid_until` on. A newer secret's first use sets that time, or a person does, who is
    `revoked_by`. Migration 0031 adds a row without shortcode and hash to a database that was in use before:
    the service completes it with the secret that it derived from its own key until then.
    """

    __tablename__ = "c2b_secrets"

    id: Mapped[int] = mapped_column(RowId, primary_key=True)
    shortcode: Mapped[str | None] = mapped_column(String(16))
    secret_hash: Mapped[str | None] = mapped_column(String(64))
    secret_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_by: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]
    registered_at: Mapped[datetime | None]
    first_used_at: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(255))
    revocation_reason: Mapped[str | None] = mapped_column(String(512))

    __table_args__ = (
        UniqueConstraint("secret_hash"),
        CheckConstraint(
            "(secret_hash IS NULL) = (secret_encrypted IS NULL)"
            " AND (secret_hash IS NULL) = (shortcode IS NULL)",
            name="complete",
        ),
    )
