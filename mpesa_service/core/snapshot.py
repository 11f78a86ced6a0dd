"""A small part of the database, kept in memory by each process for a few seconds."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Snapshot(Generic[Value]):
    """A value that is fresh for `seconds` after it was loaded. Safe to share between threads.

    One thread of the process loads at a time, so that a flood of requests is no flood of statements.
    """

    def __init__(self, seconds: float) -> None:
        self._age = timedelta(seconds=seconds)
        self._lock = threading.Lock()
        self._begun = 0
        self._loaded: tuple[Value, datetime] | None = None
        self._failure: Exception | None = None

    def held(self) -> Value | None:
        """Return the value that was loaded last, however old it is; None before the first one."""
        loaded = self._loaded
        return None if loaded is None else loaded[0]

    def is_fresh(self, now: datetime) -> bool:
        loaded = self._loaded
        return loaded is not None and abs(now - loaded[1]) <= self._age

    def reload(self, load: Callable[[], Value], now: datetime) -> None:
        """Hold a value whose loading began after this call. Threads that wait meanwhile share one load.

        Raises what `load` raised, to all of them.
        """
        seen = self._begun
        with self._lock:
            if self._begun != seen:  # a load began and ended while this thread waited
                if self._failure is not None:
                    raise self._failure
                return
            self._begun += 1
            try:
                self._loaded, self._failure = (load(), now), None
            except Exception as error:
                self._failure = error
                raise
