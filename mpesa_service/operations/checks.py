"""What `mpesa doctor` prints: one finding a check, and how to mend what is wrong."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """How a check came out."""

    GOOD = "good"
    WARNING = "warning"
    """It works, or may work, but not as it should for production."""
    WRONG = "wrong"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, what was found (Daraja's own words, too), and how to mend it."""

    check: str
    health: Health
    found: str
    mend: str = ""


def good(check: str, found: str) -> Finding:
    return Finding(check, Health.GOOD, found)


def warning(check: str, found: str, mend: str) -> Finding:
    return Finding(check, Health.WARNING, found, mend)


def wrong(check: str, found: str, mend: str) -> Finding:
    return Finding(check, Health.WRONG, found, mend)


def skipped(check: str, found: str) -> Finding:
    return Finding(check, Health.SKIPPED, found)
