"""A limit on the whole of one call, which the read time-out is not.

`requests` limits the wait for each piece; a server that drips a byte now and then would hold a
thread for ever. When the time is up, another thread shuts the socket down, and the blocked read ends.
One such thread serves all calls of the process: starting one for every call costs more than the call.
"""

import heapq
import os
import socket
import threading
import time
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import Any, Self

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import BaseHTTPResponse

_this_thread = threading.local()


class Deadline:
    """Limits what the current thread does on a WatchedAdapter to `seconds`, while entered."""

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self.over = False
        """Set when the block is left: nothing is shut any more."""
        self._seconds = seconds
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        _this_thread.deadline = self
        _watchman.take(time.monotonic() + self._seconds, self)
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
        _this_thread.deadline = None

    def watch(self, sock: socket.socket) -> None:
        """Take charge of the socket that the answer is awaited on."""
        with self._lock:
            self._socket = sock
            if self.expired:
                _hang_up(sock)

    def expire(self) -> None:
        """Shut the socket of a call that is still under way."""
        with self._lock:
            if self.over:
                return
            self.expired = True
            if self._socket is not None:
                _hang_up(self._socket)


class Watchman:
    """The thread that knows which deadline is next; those of calls that are over do nothing at their time."""

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


def _watch(sock: socket.socket | None) -> None:
    deadline: Deadline | None = getattr(_this_thread, "deadline", None)
    if deadline is not None and sock is not None:
        deadline.watch(sock)


class _WatchedHTTP(HTTPConnection):
    def getresponse(self) -> BaseHTTPResponse:  # type: ignore[override]
        _watch(self.sock)
        return super().getresponse()


class _WatchedHTTPS(HTTPSConnection):
    def getresponse(self) -> BaseHTTPResponse:  # type: ignore[override]
        _watch(self.sock)
        return super().getresponse()


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _WatchedHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedHTTPS


class WatchedAdapter(HTTPAdapter):
    """An adapter without retries whose sockets the thread's Deadline can shut."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pool manager, and have it use connections that report their socket."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
