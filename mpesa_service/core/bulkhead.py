"""The bulkhead: a limit on the threads that wait for Daraja, so that callbacks are served while it is slow.

A request that calls Daraja takes a place for the length of the call. There are fewer places than threads, so
some threads are always free for requests that do not need Daraja.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from mpesa_service.errors import Unavailable

SHARE_KEPT_FREE = 4
"""One thread in this many never waits for Daraja."""
RETRY_AFTER = 2


class Bulkhead:
    """The places of one process, for a web server with `threads` threads."""

    def __init__(self, threads: int) -> None:
        self._places = BoundedSemaphore(max(1, threads - max(1, threads // SHARE_KEPT_FREE)))

    @contextmanager
    def try_place(self) -> Iterator[bool]:
        """Hold a place for the block, if one is free; yield whether there was one."""
        taken = self._places.acquire(blocking=False)
        try:
            yield taken
        finally:
            if taken:
                self._places.release()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place for the block; raise Unavailable if none is free."""
        with self.try_place() as taken:
            if not taken:
                raise Unavailable(
                    "M-Pesa is slow, and too many requests wait for it. Nothing was done; try again.",
                    code="upstream_busy",
                    retry_after=RETRY_AFTER,
                )
            yield
