"""Unbound objects that an application binds when it is made. Imports nothing of ours."""

import time
from typing import Any

from flask import Flask
from flask_jwt_extended import JWTManager
from flask_limiter import Limiter
from limits.storage import MemoryStorage


class ProcessCounters(MemoryStorage):
    """Counts in this process; takes the place of the library's own `memory://`.

    That one starts a thread for nearly every hit, to forget what has expired; this one does so once in a
    while, and what has expired counts for nothing all the same.
    """

    STORAGE_SCHEME = ["memory"]  # noqa: RUF012 - as the library declares it
    SWEEP_SECONDS = 1.0

    def __init__(self, *args: Any, **options: Any) -> None:
        self._swept_at = time.monotonic()
        super().__init__(*args, **options)

    def _MemoryStorage__schedule_expiry(self) -> None:  # noqa: N802 - the library's private name
        now = time.monotonic()
        if now - self._swept_at >= self.SWEEP_SECONDS:
            self._swept_at = now
            super()._MemoryStorage__schedule_expiry()  # type: ignore[misc]


class RouteLimiter(Limiter):
    """A limiter whose every limit stands on a route, where it is checked when the route is entered.

    The library looks at every request before and after it as well: for limits of a whole application, for
    headers, and for limits that depend on the answer. There are none.
    """

    def init_app(self, app: Flask) -> None:
        """Bind to an application, whose requests the library then does not look at by itself."""
        if app.config.get("RATELIMIT_ENABLED", True):
            app.extensions.setdefault("limiter", set()).add(self)  # as if that had been seen to
        super().init_app(app)


jwt = JWTManager()
limiter = RouteLimiter(key_func=lambda: "", in_memory_fallback_enabled=True)
