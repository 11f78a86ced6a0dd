"""A limit on the whole of one exchange, which a socket's time-out is not.

A time-out limits the wait for each piece; a server that drips a byte now and then would hold a thread for
ever. When the time is up, another thread shuts the socket down, and the blocked read ends. One such thread
serves all exchanges of the process: starting one for each costs more than the exchange. A leaf.
"""

import heapq
import os
import socket
import threading
import time
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Self


class Deadline:
    """Shuts the socket that it was given when the `seconds` since it was entered are over."""

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self.over = False
        """Set when the block is left: nothing is shut any more."""
        self._seconds = seconds
        self._ends = 0.0
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        self._ends = time.monotonic() + self._seconds
        _watchman.take(self._ends, self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self.over = True
            self._socket = None

    def left(self) -> float:
        """Return the seconds left, never quite none: to a socket, 0 means not to wait at all."""
        return max(self._ends - time.monotonic(), 0.001)

    def watch(self, sock: socket.socket) -> None:
        """Take charge of the socket that the answer is awaited on."""
        with self._lock:
            self._socket = sock
            if self.expired:
                _hang_up(sock)

    def expire(self) -> None:
        """Shut the socket of an exchange that is still under way."""
        with self._lock:
            if self.over:
                return
            self.expired = True
            if self._socket is not None:
                _hang_up(self._socket)


class Watchman:
    """The thread that knows which deadline is next; those that are over do nothing at their time."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._waiting: list[tuple[float, int, Deadline]] = []
        self._numbers = count()
        self._thread: threading.Thread | None = None

    def take(self, at: float, deadline: Deadline) -> None:
        """Expire `deadline` when `time.monotonic()` reaches `at`."""
        with self._change:
            heapq.heappush(self._waiting, (at, next(self._numbers), deadline))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                self._thread.start()
            elif self._waiting[0][2] is deadline:
                self._change.notify()

    def _watch(self) -> None:
        while True:
            self._next().expire()

    def _next(self) -> Deadline:
        """Wait until a deadline is reached, and return it."""
        with self._change:
            while True:
                left = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if left is not None and left <= 0:
                    return heapq.heappop(self._waiting)[2]
                self._change.wait(left)


_watchman = Watchman()
# Threads do not survive a fork, and locks may be held in the child for ever.
os.register_at_fork(after_in_child=_watchman.__init__)  # type: ignore[misc]


def _hang_up(sock: socket.socket) -> None:
    # The plain method even for TLS: SSLSocket's own would also drop the session under the
    # feet of the thread that reads from it.
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
