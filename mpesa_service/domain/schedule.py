"""When Daraja is asked about a payment or command that nobody has reported on."""

from collections.abc import Sequence
from datetime import datetime, timedelta


def _seconds(*values: int) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=value) for value in values)


ASK_AFTER = _seconds(30, 60, 90, 120, 300, 900, 3_600, 21_600, 86_400)
"""Since the push: dense while the prompt lives (about a minute), then patient over an outage of hours."""

COMMAND_ASK_AFTER = _seconds(60, 300, 900, 3_600, 21_600, 86_400)
"""Since a refund or payout was asked for: results take seconds to minutes."""

INQUIRY_ASK_AFTER = _seconds(60, 300, 900)
"""Since a question was asked that moves no money; an answer of later would be stale."""

ASK_AT_MOST_EVERY = timedelta(seconds=10)
"""Per payment, however many clients read it (Safaricom's sandbox allows five queries a minute)."""

CALL_LIMIT = timedelta(seconds=90)
"""A call not accounted for after this was cut off by a crash; also the lease of a job on a row."""

GIVE_UP_AFTER = ASK_AFTER[-1]
"""What nobody has explained by then goes to a person."""


def next_ask(
    schedule: Sequence[timedelta], start: datetime, check_attempts: int, now: datetime, jitter: float = 1.0
) -> datetime | None:
    """Return when to ask next after `check_attempts` asks; None when the schedule's time is over.

    `jitter` stretches or shrinks the wait (0.8 to 1.2), so that a burst of payments is not asked about
    in one burst. Never sooner than ASK_AT_MOST_EVERY from now, once something was asked.
    """
    if check_attempts >= len(schedule):  # crashes may have used steps up early; time decides, not the count
        over = start + schedule[-1]
        return over if over > now else None
    earliest = now + ASK_AT_MOST_EVERY if check_attempts else now
    return max(start + schedule[check_attempts] * jitter, earliest)
