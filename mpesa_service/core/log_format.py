"""Log lines: JSON with request and payment ids, and nothing that names a person or opens a door."""

import logging
import math
import os
import re
import sys
import threading
import traceback
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from select import PIPE_BUF
from typing import Any, TextIO

from flask import g, has_request_context
from pythonjsonlogger.json import JsonEncoder, JsonFormatter

from mpesa_service.core import log_context
from mpesa_service.domain.plans import LogLine

_HIDDEN = "***"
_TELLING = (
    r"(?:password|passkey|credential|secret|token|authorization|consumer_?key|(?:encryption|hash)_?key)"
)
_TELLING_NAME = re.compile(_TELLING, re.IGNORECASE)
_PATTERNS = (
    # A CheckoutRequestID ends in the subscriber's number.
    (re.compile(r"(?i)(ws_co_)\w+"), r"\1" + _HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)(?:\s|%20)+[A-Za-z0-9._~+/=-]+"), r"\1 " + _HIDDEN),
    (re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"), _HIDDEN),
    # Longer runs of hex digits are our own ids, so a number that is part of one is none.
    (
        re.compile(
            r"(?:(?<![0-9A-Fa-f])|(?<=%2[Bb]))((?:(?:00)?254[ \u00a0-]?|0)[17]\d)"
            r"\d[ \u00a0.-]?\d{3}[ \u00a0.-]?\d(\d{2})(?![0-9A-Fa-f])"
        ),
        r"\1***\2",
    ),
    (re.compile(r"(?<![A-Za-z0-9])([17]\d)\d{5}(\d{2})(?![A-Za-z0-9])"), r"\1***\2"),
    (
        re.compile(
            rf"(?i)({_TELLING}\w*\\*[\"']?\s*[:=]\s*)"
            r"(?:b?\\*\"(?:[^\"\\]|\\[^\"])*\\?\"?|b?\\*'(?:[^'\\]|\\[^'])*\\?'?|[^\s\"',}&]+)"
        ),
        r"\1" + _HIDDEN,
    ),
    # Daraja echoes the token that it does not take: "Invalid Access Token - xyz".
    (re.compile(r"(?i)(access token\s*[-:]\s*)[^\s\"',}]+"), r"\1" + _HIDDEN),
    (re.compile(r"[0-9a-f]{64}(?=/(?:confirmation|validation))"), _HIDDEN),
    (re.compile(r"(://[^\s:/@]*:)[^\s/@]+(@)"), r"\1" + _HIDDEN + r"\2"),
    # The words of a callback address are short, its token is not.
    (re.compile(r"(/callback/(?:[a-z0-9]{1,15}/)*)[A-Za-z0-9_-]{16,}"), r"\1" + _HIDDEN),
)

# Most of what is logged are words of ours or one of our ids, in which no pattern can find anything:
# a number that is part of a longer run of hex digits is none, and all else needs a mark.
_HARMLESS = re.compile(r"(?!.*(?:ws_co_|eyj|bearer|basic))[a-z_. ]{1,64}|[0-9a-f]{20,32}", re.IGNORECASE)
_SHORTEST_NUMBER = 10**8
"""Less is no phone number."""


_REMEMBERED = 2_048
"""Texts; most lines say what others said before."""
_LONGEST_REMEMBERED = 128


def redact(text: str) -> str:
    """Return `text` with phone numbers, tokens and credentials hidden."""
    if len(text) <= _LONGEST_REMEMBERED:
        # Our enums are strings with an equality of their own: what is remembered is the text alone.
        return _remembered(text if type(text) is str else str.__str__(text))
    return _without_secrets(text)


@lru_cache(maxsize=_REMEMBERED)
def _remembered(text: str) -> str:
    return text if _HARMLESS.fullmatch(text) else _without_secrets(text)


def _without_secrets(text: str) -> str:
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _redact_all(value: Any) -> Any:
    if value is None or isinstance(value, bool | datetime):
        return value
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, int) and -_SHORTEST_NUMBER < value < _SHORTEST_NUMBER:
        return value
    if isinstance(value, Mapping):
        return _redact_fields(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_redact_all(item) for item in value]
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, float) and math.isfinite(value):
        return value
    text = redact(str(value))
    return value if isinstance(value, int) and text == str(value) else text


def _redact_fields(fields: Mapping[Any, Any]) -> dict[str, Any]:
    redacted: dict[str, Any] = {}
    for key, value in fields.items():
        name, telling = _name_of(str(key))
        if telling and value:
            redacted[name] = _HIDDEN
        else:
            redacted[name] = redact(value) if type(value) is str else _redact_all(value)
    return redacted


@lru_cache(maxsize=1024)
def _name_of(key: str) -> tuple[str, bool]:
    """Return a field's name as it may be said, and whether its value may not."""
    return redact(key), _TELLING_NAME.search(key) is not None


class RedactingFormatter(JsonFormatter):
    """JSON lines whose every value went through `redact`: messages, extras and tracebacks alike."""

    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp=True,
        )
        self._encoder = JsonEncoder()

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Add what the work at hand is about, and hide what must not be said."""
        if has_request_context():
            log_data.setdefault("request_id", g.get("request_id"))
        for name, value in (log_context.CURRENT.get() or {}).items():
            log_data.setdefault(name, value)
        return _redact_fields(log_data)

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        """Return the line; the library would make an encoder for each."""
        return self._encoder.encode(log_data)


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


def write_lines(lines: Iterable[LogLine]) -> None:
    """Write the log lines of a plan that is committed, and stays so whatever becomes of its lines.

    A handler or filter that raises is reported on standard error and stops nothing.
    """
    for line in lines:
        try:
            logging.getLogger(line.logger).log(line.level, line.message, extra=dict(line.extra))
        except Exception:  # noqa: BLE001 - the commit has happened, and must not be repeated
            traceback.print_exc(file=sys.stderr)


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


def configure(level: str) -> None:
    """Send everything to standard error as JSON lines; safe to call again."""
    root = logging.getLogger()
    ours = [h for h in root.handlers if isinstance(h.formatter, RedactingFormatter)]
    if not ours:
        handler = LineHandler(sys.stderr)
        handler.setFormatter(RedactingFormatter())
        root.addHandler(handler)
    logging.getLogger("mpesa_service").setLevel(level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
