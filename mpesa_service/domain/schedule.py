"""When Daraja is asked about a payment that nobody has reported on."""

from datetime import datetime, timedelta

ASK_AFTER = tuple(
    timedelta(seconds=seconds) for seconds in (30, 60, 90, 120, 300, 900, 3_600, 21_600, 86_400)
)
"""Since the push: dense while the prompt lives (about a minute), then patient over an outage of hours."""

ASK_AT_MOST_EVERY = timedelta(seconds=10)
"""Per payment, however many clients read it (Safaricom's sandbox allows five queries a minute)."""

PUSH_ANSWER_LIMIT = timedelta(seconds=90)
"""A push not accounted for after this was cut off by a crash: its outcome is unknown."""


def next_ask(submitted_at: datetime, asks_made: int, now: datetime) -> datetime | None:
    """Return when to ask next after `asks_made` asks, not in the past; None when the schedule is used up."""
    due = [submitted_at + after for after in ASK_AFTER[asks_made:]]
    return max(due[0], now) if due else None
