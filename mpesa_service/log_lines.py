"""Log lines on their way out: each with one system call, or several with one."""

import logging
import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from select import PIPE_BUF
from typing import Any, TextIO

Line = tuple[logging.LogRecord, str]
_kept = threading.local()
"""`lines`: those of this thread that wait to be written together, by their handler."""


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes each line with one system call, and holds no lock for it.

    The library's handler formats and writes under a lock. A thread gives up the interpreter in order to write
    and waits to have it back, all others wait for its lock meanwhile, and a busy server does little else.
    The system itself keeps apart what is written at once: up to 4 KiB always (PIPE_BUF), more unless a pipe
    is full.
    """

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the record's line, unless a filter has it away."""
        passed: Any = self.filter(record)  # from Python 3.12 on maybe another record
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's line, or keep it for the end of `in_one_write`; tell of errors as others do."""
        try:
            line = f"{self.format(record)}\n"
            if (waiting := getattr(_kept, "lines", None)) is None:
                _write(self.stream, line)
            else:
                waiting[self].append((record, line))
        except Exception:  # noqa: BLE001 - a line that cannot be written must not stop a payment
            self.handleError(record)

    def write_all(self, lines: Sequence[Line]) -> None:
        """Write lines with as few system calls as keep each of them whole."""
        together: list[str] = []
        for record, line in lines:
            if together and sum(map(len, together)) + len(line) > PIPE_BUF:
                self._write_or_tell(together, record)
                together = []
            together.append(line)
        self._write_or_tell(together, lines[-1][0])

    def _write_or_tell(self, lines: Sequence[str], record: logging.LogRecord) -> None:
        try:
            _write(self.stream, "".join(lines))
        except Exception:  # noqa: BLE001 - as above
            self.handleError(record)


@contextmanager
def in_one_write() -> Iterator[None]:
    """Write what this thread logs in the block at its end, many short lines at a time."""
    outer, lines = getattr(_kept, "lines", None), defaultdict[LineHandler, list[Line]](list)
    _kept.lines = lines
    try:
        yield
    finally:
        _kept.lines = outer
        for handler, waiting in lines.items():
            handler.write_all(waiting)


def _write(stream: TextIO, text: str) -> None:
    try:
        descriptor = stream.fileno()
    except (AttributeError, OSError, ValueError):  # it is no file
        stream.write(text)
        stream.flush()
        return
    data = text.encode("utf-8", "backslashreplace")
    while data:
        data = data[os.write(descriptor, data) :]
