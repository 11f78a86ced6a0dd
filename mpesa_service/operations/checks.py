"""The findings that `mpesa doctor` prints: one for each check, with advice if something is wrong."""

from dataclasses import dataclass
from enum import StrEnum


class Health(StrEnum):
    """The result of a check."""

    GOOD = "good"
    WARNING = "warning"
    """It works, or may work, but not well enough for production."""
    WRONG = "wrong"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Finding:
    """One check: its subject, what was found (with Daraja's own words), and advice on how to fix it."""

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
