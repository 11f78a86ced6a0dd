"""The counters of rate limits, and the limit on prompts for one phone number.

Hits are counted in the store of RATELIMIT_STORAGE_URI, which all processes share, or in this process alone.
While a shared store does not answer, each process counts separately, and payments continue. flask-limiter
counts the requests of a caller (`limited` and its siblings in web/blueprint.py).
"""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from mpesa_service.config import Settings
from mpesa_service.core import process_counters
from mpesa_service.core.process_counters import ProcessCounters
from mpesa_service.errors import LimitExceeded

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
"""Time without calls to a shared store that did not answer."""
Counted = TypeVar("Counted")


def storage_uri(settings: Settings) -> str:
    """Return the address of the store, as the `limits` library reads it."""
    return settings.ratelimit_storage_uri if _is_shared(settings) else process_counters.URI


def _is_shared(settings: Settings) -> bool:
    return not settings.ratelimit_storage_uri.startswith("memory:")


class Counters:
    """Counts moving windows with the `limits` library, in the shared store and in this process."""

    def __init__(self, settings: Settings) -> None:
        self._local = MovingWindowRateLimiter(ProcessCounters())
        self._shared: MovingWindowRateLimiter | None = None
        if _is_shared(settings):
            storage = storage_from_string(settings.ratelimit_storage_uri, wrap_exceptions=True)
            self._shared = MovingWindowRateLimiter(storage)
        self._away_until = 0.0

    def hit(self, item: RateLimitItem, *key: str) -> bool:
        """Count one hit; return False if it exceeds the limit. This process always counts it, too."""
        here = self._local.hit(item, *key)
        return self._shared_or(here, lambda shared: shared.hit(item, *key))

    def test(self, item: RateLimitItem, *key: str) -> bool:
        """Return whether one more hit is allowed; counts nothing."""
        return self._shared_or(self._local.test(item, *key), lambda shared: shared.test(item, *key))

    def wait(self, item: RateLimitItem, *key: str) -> int:
        """Return the whole seconds until the next hit may be allowed, at least 1."""
        here = self._local.get_window_stats(item, *key).reset_time
        reset = self._shared_or(here, lambda shared: shared.get_window_stats(item, *key).reset_time)
        return max(1, int(reset - time.time()) + 1)

    def _shared_or(self, here: Counted, query: Callable[[MovingWindowRateLimiter], Counted]) -> Counted:
        """Return the answer of the shared store, or this process's answer where there is no shared store."""
        if self._shared is None or time.monotonic() < self._away_until:
            return here
        try:
            return query(self._shared)
        except StorageError:
            self._away_until = time.monotonic() + RETRY_SECONDS
            log.warning("rate limit store unreachable; counting in this process")
            return here


class PromptLimit:
    """Counts the prompts of each phone number, from all callers together, in a moving window."""

    def __init__(self, settings: Settings) -> None:
        self._enabled = settings.ratelimit_enabled
        self._item = parse(settings.ratelimit_prompts)
        self._counters = Counters(settings)

    def check(self, phone_hash: str) -> None:
        """Raise LimitExceeded if the number has reached its limit; counts nothing."""
        if self._enabled and not self._counters.test(self._item, "prompt", phone_hash):
            raise LimitExceeded(
                "This phone number has received too many prompts. Wait before you try again.",
                code="prompt_limit",
                retry_after=self._counters.wait(self._item, "prompt", phone_hash),
            )

    def count(self, phone_hash: str) -> None:
        """Count one prompt."""
        if self._enabled:
            self._counters.hit(self._item, "prompt", phone_hash)
