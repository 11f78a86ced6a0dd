"""Counters of rate limits in the memory of this process: a storage for the `limits` library.

The library's own `MemoryStorage` starts a thread for nearly every hit, to delete expired counters. The thread
costs 0.3 ms of CPU, a sixth of a status read (docs/decisions/0026). This storage deletes expired counters
once a minute, while it counts a hit.
"""

import threading
import time
from bisect import bisect_right

from limits.storage import MovingWindowSupport, Storage

SWEEP_SECONDS = 60.0


URI = "process://"
"""The address by which flask-limiter opens this storage."""


class ProcessCounters(Storage, MovingWindowSupport):
    """Counts fixed windows and moving windows. Safe to share between threads."""

    STORAGE_SCHEME = ["process"]  # noqa: RUF012 - as the library declares it

    def __init__(self, uri: str | None = None) -> None:
        super().__init__(uri)
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}
        """Per key: the hits of the current window, and when the window ends (Unix seconds)."""
        self._entries: dict[str, tuple[list[float], float]] = {}
        """Per key: the times of the hits, oldest first, and when the newest expires."""
        self._next_sweep = time.time() + SWEEP_SECONDS

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """No error of this storage needs wrapping."""
        return ()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count `amount` hits in a window of `expiry` seconds; return the hits of the window."""
        with self._lock:
            now = self._swept()
            count, ends = self._counts.get(key, (0, 0.0))
            if ends <= now:
                count, ends = 0, now + expiry
            self._counts[key] = count + amount, ends
            return count + amount

    def get(self, key: str) -> int:
        """Return the hits of the current window."""
        count, ends = self._counts.get(key, (0, 0.0))
        return count if ends > time.time() else 0

    def get_expiry(self, key: str) -> float:
        """Return when the current window ends, in Unix seconds; now if there is none."""
        return max(self._counts.get(key, (0, 0.0))[1], time.time())

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count `amount` hits unless that makes more than `limit` within the last `expiry` seconds."""
        with self._lock:
            now = self._swept()
            entries = self._within(key, now - expiry)
            if len(entries) + amount > limit:
                return False
            entries.extend([now] * amount)
            self._entries[key] = entries, now + expiry
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002
        """Return when the oldest hit of the last `expiry` seconds was, and how many hits there are."""
        now = time.time()
        with self._lock:
            entries = self._within(key, now - expiry)
            return (entries[0] if entries else now), len(entries)

    def check(self) -> bool:
        """Return True: memory is always available."""
        return True

    def reset(self) -> int:
        """Delete all counters; return how many there were."""
        with self._lock:
            found = len(self._counts) + len(self._entries)
            self._counts.clear()
            self._entries.clear()
            return found

    def clear(self, key: str) -> None:
        """Delete the counters of one key."""
        with self._lock:
            self._counts.pop(key, None)
            self._entries.pop(key, None)

    def _within(self, key: str, since: float) -> list[float]:
        """Return the times of a key's hits after `since`; delete the earlier ones."""
        entries = self._entries.get(key, ([], 0.0))[0]
        del entries[: bisect_right(entries, since)]
        return entries

    def _swept(self) -> float:
        """Delete expired counters, once every SWEEP_SECONDS; return the current time."""
        now = time.time()
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_SECONDS
            self._counts = {key: found for key, found in self._counts.items() if found[1] > now}
            self._entries = {key: found for key, found in self._entries.items() if found[1] > now}
        return now
