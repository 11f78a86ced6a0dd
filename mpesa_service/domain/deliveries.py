"""When an outgoing event is sent again, and when the service stops sending it."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

DELAYS = tuple(
    timedelta(seconds=seconds) for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
"""The waits between attempts, as Standard Webhooks 1.0.0 suggests: ten attempts in 75 h 35 min."""

MAX_ATTEMPTS = len(DELAYS) + 1
JITTER = 0.1
LONGEST_RETRY_AFTER = timedelta(hours=24)


class DeliveryStatus(StrEnum):
    """`parked` waits until a person acts: the endpoint is disabled, or sending the event keeps crashing."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    PARKED = "parked"


def next_attempt(
    made: int, now: datetime, chance: float, at_least: timedelta | None = None
) -> datetime | None:
    """Return the time of the next attempt after `made` attempts; None if there is none.

    `chance`, from 0 to 1, spreads the delay by 10 % in both directions. `at_least` is the delay that the
    receiver requested.
    """
    if made >= MAX_ATTEMPTS:
        return None
    delay = DELAYS[made - 1] * (1 + JITTER * (2 * chance - 1))
    return now + max(delay, at_least or delay)


def retry_after(header: str | None, now: datetime) -> timedelta | None:
    """Return the delay that a Retry-After header requests (seconds, or an HTTP date), at most 24 hours."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        requested = timedelta(seconds=int(text)) if len(text) < 7 else LONGEST_RETRY_AFTER
        return min(requested, LONGEST_RETRY_AFTER)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta()), LONGEST_RETRY_AFTER)
