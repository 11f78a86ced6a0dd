"""The result of one of the doctor's checks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from mpesa_service.core.runtime import Runtime


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

    health: Health
    check: str
    found: str
    advice: str = ""


good = partial(CheckResult, Health.GOOD)
warning = partial(CheckResult, Health.WARNING)
wrong = partial(CheckResult, Health.WRONG)
skipped = partial(CheckResult, Health.SKIPPED)

Check = Callable[[Runtime], Iterator[CheckResult]]
