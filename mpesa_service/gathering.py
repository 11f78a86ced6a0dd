"""What several threads want at the same moment, done in one go by one of them."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Wish = TypeVar("Wish")
Found = TypeVar("Found")
PATIENCE_SECONDS = 0.5
"""Whoever has waited for this long to be taken up goes on by itself: the thread that serves may hang."""
SERVING_SECONDS = 15.0
"""So long may it take once one is taken up: nobody knows how far that is, and it would be done twice."""
MOST = 64


class Unserved(Exception):
    """The wish was not served, or nobody knows whether it was: it is for the one who had it to do."""


def _closed() -> threading.Lock:
    gate = threading.Lock()
    gate.acquire()
    return gate


@dataclass(eq=False)
class _Turn(Generic[Wish, Found]):
    """One thread's wish. Its gate opens when it was served, or when it is to serve."""

    wish: Wish
    gate: threading.Lock = field(default_factory=_closed)
    found: list[Found] = field(default_factory=list)
    serves: bool = False


class Gathering(Generic[Wish, Found]):
    """Serves the wishes of all threads that wait, together: the busier it is, the less each of them costs.

    A thread that comes alone is served at once, by itself. `serve` returns one result a wish, in their order,
    and one thread at a time runs it. What it raises is raised where it ran, and the others hear Unserved.
    """

    def __init__(
        self,
        serve: Callable[[Sequence[Wish]], Sequence[Found]],
        *,
        patience: float = PATIENCE_SECONDS,
        serving: float = SERVING_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._serve = serve
        self._patience = patience
        self._serving = serving
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._waiting: list[_Turn[Wish, Found]] = []
        self._busy_since: float | None = None

    def __call__(self, wish: Wish) -> Found:
        """Return what is found for a wish; raise Unserved, or what serving it raises."""
        turn: _Turn[Wish, Found] = _Turn(wish)
        self._enter(turn)
        if not turn.serves and not turn.gate.acquire(timeout=self._patience) and not self._left(turn):
            turn.gate.acquire(timeout=self._serving)
        if turn.serves:
            self._serve_all(turn)
        if not turn.found:
            raise Unserved
        return turn.found[0]

    def _enter(self, turn: _Turn[Wish, Found]) -> None:
        now = self._monotonic()
        with self._lock:
            if self._busy_since is None:
                self._busy_since, turn.serves = now, True
            elif now - self._busy_since > self._patience:
                raise Unserved
            self._waiting.append(turn)

    def _left(self, turn: _Turn[Wish, Found]) -> bool:
        """Wait no longer, unless one is taken up by now, or it has just become one's turn to serve."""
        with self._lock:
            if turn.serves or turn not in self._waiting:
                return False
            self._waiting.remove(turn)
            return True

    def _serve_all(self, mine: _Turn[Wish, Found]) -> None:
        with self._lock:
            turns = self._waiting[:MOST]
            del self._waiting[:MOST]
        try:
            for turn, found in zip(turns, self._serve([turn.wish for turn in turns]), strict=True):
                turn.found.append(found)
        finally:
            self._hand_on()
            for turn in turns:
                if turn is not mine:
                    turn.gate.release()

    def _hand_on(self) -> None:
        """Have the next one serve those who came meanwhile."""
        with self._lock:
            following = self._waiting[0] if self._waiting else None
            self._busy_since = None if following is None else self._monotonic()
            if following is not None:
                following.serves = True
                following.gate.release()
