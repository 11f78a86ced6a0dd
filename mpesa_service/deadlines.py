"""A time limit on one whole exchange over a socket.

A socket's time-out limits only the wait for each piece of data: a server that sends one byte now and then
would block a thread without end. When the time limit is reached, another thread shuts the socket down, and
the blocked read ends. One such thread serves all exchanges of the process, because starting a thread for
each costs more than the exchange. This module imports nothing of the package.
"""

import heapq
import os
import socket
import threading
import time
from contextlib import suppress
from itertools import count
from typing import Self


class Deadline:
    """Shuts the watched socket down when the block has run for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self.over = False
        """Set when the block is left; after that, no socket is shut down."""
        self._seconds = seconds
        self._ends = 0.0
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        self._ends = time.monotonic() + self._seconds
        _watchman.take(self._ends, self)
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.over = True
            self._socket = None

    def left(self) -> float:
        """Return the seconds left, at least 0.001: a socket takes a time-out of 0 as "do not wait"."""
        return max(self._ends - time.monotonic(), 0.001)

    def watch(self, sock: socket.socket) -> None:
        """Set the socket to shut down when the time is over."""
        with self._lock:
            self._socket = sock
            if self.expired:
                _hang_up(sock)

    def expire(self) -> None:
        """Shut the socket down, if the block still runs."""
        with self._lock:
            if self.over:
                return
            self.expired = True
            if self._socket is not None:
                _hang_up(self._socket)


class Watchman:
    """The thread that expires each deadline at its time. A deadline whose block has ended does nothing."""

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
# A child process has no threads of its parent, and a lock that was held at the fork is never released in it.
os.register_at_fork(after_in_child=_watchman.__init__)  # type: ignore[misc]


def _hang_up(sock: socket.socket) -> None:
    # The plain method, even for TLS: SSLSocket's own method would also drop the TLS session while another
    # thread reads from it.
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
