"""The results that `mpesa doctor` prints: one for each check, with advice if something is wrong."""

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
class CheckResult:
    """One check: its subject, what was found (with Daraja's own words), and advice on how to fix it."""

    check: str
    health: Health
    found: str
    advice: str = ""


def good(check: str, found: str) -> CheckResult:
    return CheckResult(check, Health.GOOD, found)


def warning(check: str, found: str, advice: str) -> CheckResult:
    return CheckResult(check, Health.WARNING, found, advice)


def wrong(check: str, found: str, advice: str) -> CheckResult:
    return CheckResult(check, Health.WRONG, found, advice)


def skipped(check: str, found: str) -> CheckResult:
    return CheckResult(check, Health.SKIPPED, found)
