"""Counts the points at which a process can be interrupted, and kills this process at the chosen one.

A point lies before and after each SQL statement, commit and HTTP call.
"""

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

import requests
from sqlalchemy import event

from mpesa_service.core.database import Database
from mpesa_service.webhooks.posting import Poster


class Tracer:
    """Kills the process at point `stop_at`, and writes the name of each passed point to the file `output`."""

    def __init__(self, stop_at: int, output: int) -> None:
        self._stop_at, self._output = stop_at, output
        self._passed = 0
        self._lock = threading.Lock()

    def point(self, name: str) -> None:
        with self._lock:
            self._passed += 1
            os.write(self._output, f"{name}\n".encode())
            if self._passed == self._stop_at:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, database: Database) -> None:
        """Put points around all that this process does from now on."""
        engine = database.engine

        @event.listens_for(engine, "before_cursor_execute")
        def before(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            self.point(f"before {_start(statement)}")

        @event.listens_for(engine, "after_cursor_execute")
        def after(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            self.point(f"after {_start(statement)}")

        self._around(engine.dialect, "do_commit", lambda *_: "COMMIT")
        self._around(requests.Session, "send", lambda *a: f"{a[1].method} {a[1].path_url.split('?')[0][:40]}")
        self._around(Poster, "post", lambda *_: "POST of a webhook")

    def _around(self, owner: Any, method: str, name: Callable[..., str]) -> None:
        inner = getattr(owner, method)

        def outer(*arguments: Any, **named: Any) -> Any:
            self.point(f"before {name(*arguments)}")
            answer = inner(*arguments, **named)
            self.point(f"after {name(*arguments)}")
            return answer

        setattr(owner, method, outer)


def _start(statement: str) -> str:
    return " ".join(statement.split()[:3])
