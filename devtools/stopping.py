"""Ctrl-C and SIGTERM, noticed between two steps and never in the middle of one.

An exception thrown out of a signal handler could fall between the start of a child and the note of its
pid, and leave an orphan; so the handler only takes note.
"""

import os
import select
import signal
import time
from types import FrameType, TracebackType
from typing import Any, Self

from devtools.problems import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# `timeout` and `make` deliver one request twice; a person who presses again needs longer than this.
_ECHO_SECONDS = 0.7


class StopRequest:
    """Catches the signals while it is entered; `pause` is how everything here waits."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._at = 0.0
        self.urgent = False
        """Whether the request was repeated: stop now, without waiting for anybody."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._wake, self._waker = os.pipe()
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._wake)
        os.close(self._waker)

    def check(self) -> None:
        """Raise Stopped when a stop was asked for."""
        if self._number is not None:
            raise Stopped(self._number)

    def pause(self, seconds: float) -> None:
        """Sleep, but no longer than until a stop is asked for. Raises Stopped."""
        select.select([self._wake], [], [], seconds)
        self.check()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self._number is None:
            self._number, self._at = number, time.monotonic()
            os.write(self._waker, b"!")
        elif time.monotonic() - self._at > _ECHO_SECONDS:
            self.urgent = True
