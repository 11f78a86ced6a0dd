"""Ctrl-C and SIGTERM, which take effect between two steps and never in the middle of one.

A signal handler that raises could interrupt the program after a child has started and before its pid is
stored, and so leave an orphan. The handler therefore only stores the signal.
"""

import os
import select
import signal
import time
from types import FrameType, TracebackType
from typing import Any, Self

from devtools.errors import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# `timeout` and `make` deliver one request twice. A person who presses Ctrl-C again needs longer than this.
_ECHO_SECONDS = 0.7


class StopRequest:
    """Catches the signals while it is entered. Everything in devtools waits with `pause`."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._received_at = 0.0
        self.urgent = False
        """Whether the request was repeated: stop now, without waiting for the children."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._read_end, self._write_end = os.pipe()
        self._before = {number: signal.signal(number, self._store) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._read_end)
        os.close(self._write_end)

    def check(self) -> None:
        """Raise Stopped if a signal has arrived."""
        if self._number is not None:
            raise Stopped(self._number)

    def pause(self, seconds: float) -> None:
        """Sleep until the time is over or a signal arrives. Raises Stopped."""
        select.select([self._read_end], [], [], seconds)
        self.check()

    def _store(self, number: int, _frame: FrameType | None) -> None:
        if self._number is None:
            self._number, self._received_at = number, time.monotonic()
            os.write(self._write_end, b"!")
        elif time.monotonic() - self._received_at > _ECHO_SECONDS:
            self.urgent = True
