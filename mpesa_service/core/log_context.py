"""What the work at hand is about, so that every log line of it can be found by payment."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

CURRENT: ContextVar[dict[str, str] | None] = ContextVar("mpesa_service_log_context", default=None)
"""The ids that log lines written now belong to."""


def current() -> dict[str, str]:
    """Return the ids that log lines written now belong to."""
    return CURRENT.get() or {}


@contextmanager
def about(**ids: str) -> Iterator[None]:
    """Put `ids` (payment_id, refund_id, payout_id …) on every log line that is written in the block."""
    token = CURRENT.set({**current(), **ids})
    try:
        yield
    finally:
        CURRENT.reset(token)
