"""What the work at hand is about, so that every log line of it can be found by payment."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_current: ContextVar[dict[str, str] | None] = ContextVar("mpesa_service_log_context", default=None)


def current() -> dict[str, str]:
    """Return the ids that log lines written now belong to."""
    return _current.get() or {}


@contextmanager
def about(**ids: str) -> Iterator[None]:
    """Put `ids` (payment_id, refund_id, payout_id …) on every log line that is written in the block."""
    token = _current.set({**current(), **ids})
    try:
        yield
    finally:
        _current.reset(token)
