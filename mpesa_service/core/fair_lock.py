"""A lock that is handed on in the order of arrival.

SQLite has one writer at a time. Without a queue, a thread that finds the database locked sleeps and tries
again while others who come later take the lock, so a few callbacks wait for a second.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class LockTimeout(Exception):
    """The lock was not free in time."""


class FairLock:
    """First come, first served, within one process."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def hold(self, timeout: float) -> Iterator[None]:
        """Hold the lock in the block; raise LockTimeout after `timeout` seconds of waiting."""
        self._acquire(timeout)
        try:
            yield
        finally:
            self._release()

    def _acquire(self, timeout: float) -> None:
        turn = threading.Event()
        with self._guard:
            if not self._held:
                self._held = True
                return
            self._waiting.append(turn)
        if turn.wait(timeout):
            return
        with self._guard:
            if turn in self._waiting:
                self._waiting.remove(turn)
                raise LockTimeout
        # It was handed over at the very end of the wait, so it is held.

    def _release(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False
