"""The time limit of one whole call to Daraja. `requests` has none, and hides its sockets."""

import socket
import threading
from typing import Any, Self

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import BaseHTTPResponse

from mpesa_service.deadlines import Deadline

_this_thread = threading.local()


class CallDeadline(Deadline):
    """Limits what the current thread does on a WatchedAdapter to `seconds`, while entered."""

    def __enter__(self) -> Self:
        _this_thread.deadline = self
        return super().__enter__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        _this_thread.deadline = None


def _watch(sock: socket.socket | None) -> None:
    deadline: CallDeadline | None = getattr(_this_thread, "deadline", None)
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
