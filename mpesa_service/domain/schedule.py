"""When the service queries Daraja about a payment or command without a final report."""

from collections.abc import Sequence
from datetime import datetime, timedelta


def _seconds(*values: int) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=value) for value in values)


CHECK_AFTER = _seconds(30, 60, 90, 120, 300, 900, 3_600, 21_600, 86_400)
"""Waits after the push: short while the prompt is open (about a minute), then long, up to hours."""

COMMAND_CHECK_AFTER = _seconds(60, 300, 900, 3_600, 21_600, 86_400)
"""Waits after a refund or payout was requested: results take seconds to minutes."""

INQUIRY_CHECK_AFTER = _seconds(60, 300, 900)
"""Waits after an inquiry, which moves no money. A late answer would be stale."""

CHECK_INTERVAL_LIMIT = timedelta(seconds=10)
"""Per payment, however many clients read it (Safaricom's sandbox allows five queries a minute)."""

CALL_LIMIT = timedelta(seconds=90)
"""If a call has no result after this time, a crash interrupted it. Also the lease of a job on a row."""

UNRESOLVED_AFTER = CHECK_AFTER[-1]
"""After this time without a final report, a person decides."""


def next_check(
    schedule: Sequence[timedelta], start: datetime, check_attempts: int, now: datetime, jitter: float = 1.0
) -> datetime | None:
    """Return the time of the next query after `check_attempts` queries; None if the schedule has ended.

    `jitter` scales the wait (0.8 to 1.2), so that a burst of payments does not become a burst of queries.
    After the first query, the result is never sooner than CHECK_INTERVAL_LIMIT from now.
    """
    if check_attempts >= len(schedule):  # Crashes may use up steps early, so the time decides, not the count.
        over = start + schedule[-1]
        return over if over > now else None
    earliest = now + CHECK_INTERVAL_LIMIT if check_attempts else now
    return max(start + schedule[check_attempts] * jitter, earliest)
