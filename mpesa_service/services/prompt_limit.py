"""How many prompts one phone number may get, whoever asks for them: nobody's phone is to be bombed."""

import logging
import time

from limits import parse
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

from mpesa_service.config import Settings
from mpesa_service.errors import LimitExceeded
from mpesa_service.extensions import ProcessCounters

log = logging.getLogger(__name__)


class PromptLimit:
    """Counts prompts per phone hash in the shared store, or in this process while the store is away."""

    def __init__(self, settings: Settings) -> None:
        self._enabled = settings.ratelimit_enabled
        self._item = parse(settings.ratelimit_prompts)
        storage = storage_from_string(settings.ratelimit_storage_uri, wrap_exceptions=True)
        self._shared = MovingWindowRateLimiter(storage)
        self._local = MovingWindowRateLimiter(ProcessCounters())

    def check(self, phone_hash: str) -> None:
        """Raise LimitExceeded when the number has had its prompts; counts nothing."""
        if not self._enabled:
            return
        try:
            self._refuse_if_used_up(self._shared, phone_hash)
        except StorageError:
            log.warning("rate limit store unreachable; counting in this process")
            self._refuse_if_used_up(self._local, phone_hash)

    def count(self, phone_hash: str) -> None:
        """Count one prompt."""
        if not self._enabled:
            return
        self._local.hit(self._item, "prompt", phone_hash)
        try:
            self._shared.hit(self._item, "prompt", phone_hash)
        except StorageError:
            log.warning("rate limit store unreachable; counting in this process")

    def _refuse_if_used_up(self, limiter: MovingWindowRateLimiter, phone_hash: str) -> None:
        if limiter.test(self._item, "prompt", phone_hash):
            return
        reset = limiter.get_window_stats(self._item, "prompt", phone_hash).reset_time
        raise LimitExceeded(
            "This phone number has had too many prompts. Let the customer rest, then try again.",
            code="prompt_limit",
            retry_after=max(1, int(reset - time.time()) + 1),
        )
