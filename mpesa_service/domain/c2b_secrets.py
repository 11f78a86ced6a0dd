"""C2B secrets: the random part of the addresses to which M-Pesa reports C2B payments."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

GRACE = timedelta(hours=24)
"""An older secret stays valid for this long after M-Pesa first used a newer one."""


class SecretStatus(StrEnum):
    """`unused`: M-Pesa has not posted to it yet. `ending`: valid until M-Pesa's late posts have arrived."""

    UNUSED = "unused"
    USED = "used"
    ENDING = "ending"
    REVOKED = "revoked"


@dataclass(frozen=True)
class C2bSecretRecord:
    """What people may know about a C2B secret: everything but the secret."""

    id: int
    shortcode: str
    created_by: str
    created_at: datetime
    registered_at: datetime | None
    first_used_at: datetime | None
    valid_until: datetime | None
    revoked_by: str | None
    revocation_reason: str | None

    def is_valid(self, now: datetime) -> bool:
        return self.valid_until is None or now < self.valid_until

    def status(self, now: datetime) -> SecretStatus:
        if not self.is_valid(now):
            return SecretStatus.REVOKED
        if self.valid_until is not None:
            return SecretStatus.ENDING
        return SecretStatus.UNUSED if self.first_used_at is None else SecretStatus.USED
