"""Batching: one thread serves the requests of several threads that arrive at the same moment.

A thread that arrives alone is served at once, without extra cost. A longer queue makes larger batches, so the
cost of one request falls as the load rises.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Request = TypeVar("Request")
Result = TypeVar("Result")
PATIENCE_SECONDS = 0.5
"""A thread that waits longer than this to join a batch continues alone: the leader may hang."""
SERVING_SECONDS = 15.0
"""A thread whose request is in a batch waits this long, because the request may be half done."""
LIMIT = 64
"""Requests in one batch."""


class NotServed(Exception):
    """No batch began the request. The thread serves it alone."""


class MaybeServed(Exception):
    """A batch began the request and returned no result. Nobody knows whether the request was carried out."""


def _closed() -> threading.Lock:
    gate = threading.Lock()
    gate.acquire()
    return gate


@dataclass(eq=False)
class _Entry(Generic[Request, Result]):
    request: Request
    ready: threading.Lock = field(default_factory=_closed)
    """Held until the entry leads or has its result. A lock costs much less than an Event."""
    result: list[Result] = field(default_factory=list)
    leads: bool = False


class Batching(Generic[Request, Result]):
    """Serves requests in batches: `serve` takes a batch and returns one result for each request, in order.

    One thread at a time, the leader, runs `serve`. An exception of `serve` is raised in the leader; the other
    threads of its batch get MaybeServed.
    """

    def __init__(
        self,
        serve: Callable[[Sequence[Request]], Sequence[Result]],
        *,
        patience: float = PATIENCE_SECONDS,
        serving: float = SERVING_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._serve = serve
        self._patience = patience
        self._serving = serving
        self._monotonic = monotonic
        self._guard = threading.Lock()
        self._queue: list[_Entry[Request, Result]] = []
        self._leading_since: float | None = None

    def __call__(self, request: Request) -> Result:
        """Return the result of a request; raise NotServed, MaybeServed, or what `serve` raises."""
        entry: _Entry[Request, Result] = _Entry(request)
        self._enter(entry)
        if not entry.leads and not entry.ready.acquire(timeout=self._patience):
            if self._left(entry):
                raise NotServed
            entry.ready.acquire(timeout=self._serving)
        if entry.leads:
            self._lead(entry)
        if not entry.result:
            raise MaybeServed
        return entry.result[0]

    def _enter(self, entry: _Entry[Request, Result]) -> None:
        now = self._monotonic()
        with self._guard:
            if self._leading_since is None:
                self._leading_since, entry.leads = now, True
            elif now - self._leading_since > self._patience:
                raise NotServed
            self._queue.append(entry)

    def _left(self, entry: _Entry[Request, Result]) -> bool:
        """Leave the queue. Return False if the entry is in a batch now, or leads the next one."""
        with self._guard:
            if entry.leads or entry not in self._queue:
                return False
            self._queue.remove(entry)
            return True

    def _lead(self, mine: _Entry[Request, Result]) -> None:
        with self._guard:
            batch = self._queue[:LIMIT]
            del self._queue[:LIMIT]
        try:
            results = self._serve([entry.request for entry in batch])
            for entry, result in zip(batch, results, strict=True):
                entry.result.append(result)
        finally:
            self._hand_over()
            for entry in batch:
                if entry is not mine:
                    entry.ready.release()

    def _hand_over(self) -> None:
        """Let the first entry in the queue, if any, lead the next batch."""
        with self._guard:
            following = self._queue[0] if self._queue else None
            self._leading_since = None if following is None else self._monotonic()
            if following is not None:
                following.leads = True
                following.ready.release()
