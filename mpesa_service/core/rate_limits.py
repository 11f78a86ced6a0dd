"""Rate limits: how many requests a caller may send, and how many prompts a phone number may get.

Hits are counted in the store of RATELIMIT_STORAGE_URI, which all processes share, or in this process alone.
While a shared store does not answer, each process counts by itself, and payments go on.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, RateLimiter

from mpesa_service.config import Settings
from mpesa_service.core.process_counters import ProcessCounters
from mpesa_service.errors import LimitExceeded

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0
"""How long a shared store that did not answer is left alone."""
Found = TypeVar("Found")


class Counters:
    """Counts by one strategy of the `limits` library, in the shared store and in this process."""

    def __init__(self, storage_uri: str, strategy: type[RateLimiter]) -> None:
        self._local = strategy(ProcessCounters())
        self._shared: RateLimiter | None = None
        if not storage_uri.startswith("memory:"):
            self._shared = strategy(storage_from_string(storage_uri, wrap_exceptions=True))
        self._away_until = 0.0

    def hit(self, item: RateLimitItem, *key: str) -> bool:
        """Count one hit; return False if that was one too many. This process always counts, too."""
        here = self._local.hit(item, *key)
        return self._shared_or(here, lambda shared: shared.hit(item, *key))

    def test(self, item: RateLimitItem, *key: str) -> bool:
        """Tell whether one more hit is allowed; counts nothing."""
        return self._shared_or(self._local.test(item, *key), lambda shared: shared.test(item, *key))

    def wait(self, item: RateLimitItem, *key: str) -> int:
        """Return the whole seconds until the next hit may be allowed, at least 1."""
        here = self._local.get_window_stats(item, *key).reset_time
        reset = self._shared_or(here, lambda shared: shared.get_window_stats(item, *key).reset_time)
        return max(1, int(reset - time.time()) + 1)

    def _shared_or(self, here: Found, ask: Callable[[RateLimiter], Found]) -> Found:
        """Return the answer of the shared store, or this process's answer where there is no shared store."""
        if self._shared is None or time.monotonic() < self._away_until:
            return here
        try:
            return ask(self._shared)
        except StorageError:
            self._away_until = time.monotonic() + RETRY_SECONDS
            log.warning("rate limit store unreachable; counting in this process")
            return here


class RequestLimits:
    """Counts the requests of each caller in fixed windows, one limit for each group of routes."""

    def __init__(self, settings: Settings) -> None:
        self._enabled = settings.ratelimit_enabled
        self._counters = Counters(settings.ratelimit_storage_uri, FixedWindowRateLimiter)
        self._items: Mapping[str, RateLimitItem] = {
            "api": parse(settings.ratelimit_default),
            "refunds": parse(settings.ratelimit_refunds),
            "payouts": parse(settings.ratelimit_payouts),
        }

    def hit(self, group: str, caller: str) -> None:
        """Count one request; raise LimitExceeded if the caller has used up the limit of this group."""
        item = self._items[group]
        if self._enabled and not self._counters.hit(item, group, caller):
            raise LimitExceeded(retry_after=self._counters.wait(item, group, caller))


class PromptLimit:
    """Counts the prompts of each phone number, whoever asks for them, in a moving window."""

    def __init__(self, settings: Settings) -> None:
        self._enabled = settings.ratelimit_enabled
        self._item = parse(settings.ratelimit_prompts)
        self._counters = Counters(settings.ratelimit_storage_uri, MovingWindowRateLimiter)

    def check(self, phone_hash: str) -> None:
        """Raise LimitExceeded when the number has had its prompts; counts nothing."""
        if self._enabled and not self._counters.test(self._item, "prompt", phone_hash):
            raise LimitExceeded(
                "This phone number has had too many prompts. Let the customer rest, then try again.",
                code="prompt_limit",
                retry_after=self._counters.wait(self._item, "prompt", phone_hash),
            )

    def count(self, phone_hash: str) -> None:
        """Count one prompt."""
        if self._enabled:
            self._counters.hit(self._item, "prompt", phone_hash)
