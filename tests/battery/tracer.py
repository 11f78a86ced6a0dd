"""Counts the points at which a process can be interrupted, and kills this process at the chosen one.

A point lies before and after each statement, commit and rollback that reaches the database's driver, and each
HTTP call.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests

from mpesa_service.core.database import Database
from mpesa_service.webhooks.posting import Poster
from tests.battery.traced_connections import trace


class Tracer:
    """Kills the process at point `stop_at`, and writes the name of each passed point to the file `output`."""

    def __init__(self, stop_at: int, output: int) -> None:
        self._stop_at, self._output = stop_at, output
        self._passed = 0
        self._watching = False
        self._lock = threading.Lock()

    def point(self, name: str) -> None:
        if not self._watching:
            return
        with self._lock:
            self._passed += 1
            os.write(self._output, f"{name}\n".encode())
            if self._passed == self._stop_at:
                os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def around(self, name: str) -> Iterator[None]:
        """Put a point before the block, and one after it unless it raises."""
        self.point(f"before {name}")
        yield
        self.point(f"after {name}")

    def watch(self, database: Database) -> None:
        """Put points around all that this process does from now on. It has no connection yet.

        The first connection is made without points: its settings belong to no step of the service.
        """
        trace(database, self.around)
        database.engine.connect().close()
        self._wrap(requests.Session, "send", lambda *a: f"{a[1].method} {a[1].path_url.split('?')[0][:40]}")
        self._wrap(Poster, "post", lambda *_: "POST of a webhook")
        self._watching = True

    def _wrap(self, owner: Any, method: str, name: Callable[..., str]) -> None:
        inner = getattr(owner, method)

        def outer(*arguments: Any, **named: Any) -> Any:
            with self.around(name(*arguments)):
                return inner(*arguments, **named)

        setattr(owner, method, outer)
