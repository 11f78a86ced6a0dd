"""Which C2B confirmations are checked by transaction status before their money may leave, and when.

A confirmation is only a post to a secret address. A person who knows it can post money that never came.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from mpesa_service.domain.money import CENTS

FIRST_CHECK_AFTER = timedelta(minutes=1)
KNOWN_AFTER = timedelta(minutes=5)
"""The time after which M-Pesa's status must know a receipt: one that it does not know then is forged."""
LAST_CHECK_AFTER = timedelta(days=7)
_LONGEST_WAIT = timedelta(days=1)


class CheckResult(StrEnum):
    """What M-Pesa's transaction status says about a confirmation."""

    CONFIRMED = "confirmed"
    REFUTED = "refuted"


def is_checked(cents: int, above: int, percent: int, mark: str) -> bool:
    """Return whether a confirmation is checked: above an amount in shillings, or among the percent chosen.

    `mark` is a keyed hash of the receipt in hex digits: a forger cannot choose a receipt that is not checked.
    """
    return cents > above * CENTS or int(mark[:8], 16) % 100 < percent


def next_check(received_at: datetime, now: datetime) -> datetime | None:
    """Return when to check again: each wait is as long as all before it, at most a day. None after a week."""
    age = now - received_at
    if age >= LAST_CHECK_AFTER:
        return None
    return now + min(max(age, FIRST_CHECK_AFTER), _LONGEST_WAIT)


def next_check_of_refuted(received_at: datetime, now: datetime) -> datetime | None:
    """Return when to check a refuted confirmation again: a day later. None after a week."""
    return None if now - received_at >= LAST_CHECK_AFTER else now + _LONGEST_WAIT
