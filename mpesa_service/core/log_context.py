"""The ids of the current work, so that all its log lines can be found by payment."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

CURRENT: ContextVar[dict[str, str] | None] = ContextVar("mpesa_service_log_context", default=None)
"""The ids that every log line gets now."""


def current() -> dict[str, str]:
    """Return the ids that every log line gets now."""
    return CURRENT.get() or {}


@contextmanager
def about(**ids: str) -> Iterator[None]:
    """Add `ids` (payment_id, refund_id, payout_id …) to every log line that is written in the block."""
    token = CURRENT.set({**current(), **ids})
    try:
        yield
    finally:
        CURRENT.reset(token)
