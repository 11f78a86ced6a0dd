"""Log lines: JSON with request and payment ids, without personal data and secrets."""

import logging
import math
import os
import re
import sys
import threading
import traceback
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import lru_cache
from select import PIPE_BUF
from typing import Any, TextIO

from flask import g, has_request_context
from pythonjsonlogger.json import JsonEncoder, JsonFormatter

from mpesa_service.core import log_context
from mpesa_service.domain.plans import LogLine

_HIDDEN = "***"
_SENSITIVE = (
    r"(?:password|passkey|credential|secret|token|authorization|consumer_?key|(?:encryption|hash)_?key)"
)
_SENSITIVE_NAME = re.compile(_SENSITIVE, re.IGNORECASE)
_PATTERNS = (
    # A CheckoutRequestID ends in the subscriber's number.
    (re.compile(r"(?i)(ws_co_)\w+"), r"\1" + _HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)(?:\s|%20)+[A-Za-z0-9._~+/=-]+"), r"\1 " + _HIDDEN),
    (re.compile(r"eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?"), _HIDDEN),
    # Longer runs of hex digits are our own ids, so a number inside one is not a phone number.
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
            rf"(?i)({_SENSITIVE}\w*\\*[\"']?\s*[:=]\s*)"
            r"(?:b?\\*\"(?:[^\"\\]|\\[^\"])*\\?\"?|b?\\*'(?:[^'\\]|\\[^'])*\\?'?|[^\s\"',}&]+)"
        ),
        r"\1" + _HIDDEN,
    ),
    # Daraja repeats a token that it does not accept: "Invalid Access Token - xyz".
    (re.compile(r"(?i)(access token\s*[-:]\s*)[^\s\"',}]+"), r"\1" + _HIDDEN),
    (re.compile(r"[0-9a-f]{64}(?=/(?:confirmation|validation))"), _HIDDEN),
    (re.compile(r"(://[^\s:/@]*:)[^\s/@]+(@)"), r"\1" + _HIDDEN + r"\2"),
    # PostgreSQL's error messages repeat the values of the row after these words.
    (re.compile(r"(?s)(?<![A-Z])(DETAIL|CONTEXT):\s.*?(?=\n\n|\n\(Background|\Z)"), r"\1: " + _HIDDEN),
    # The words of a callback address are short; its token is long.
    (re.compile(r"(/callback/(?:[a-z0-9]{1,15}/)*)[A-Za-z0-9_-]{16,}"), r"\1" + _HIDDEN),
)

# Most logged texts are our own words or one of our ids, in which no pattern can match: a number inside a
# longer run of hex digits is not a phone number, and the other patterns need a word or character that is
# excluded here.
_HARMLESS = re.compile(r"(?!.*(?:ws_co_|eyj|bearer|basic))[a-z_. ]{1,64}|[0-9a-f]{20,32}", re.IGNORECASE)
_SHORTEST_NUMBER = 10**8
"""A smaller number is not a phone number."""


_REMEMBERED = 2_048
"""How many redacted texts are cached; most log lines repeat earlier texts."""
_LONGEST_REMEMBERED = 128


def redact(text: str) -> str:
    """Return `text` with phone numbers, tokens and credentials hidden."""
    if len(text) <= _LONGEST_REMEMBERED:
        # Our enums are strings with their own equality, so the cache holds plain text only.
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
        name, secret = _name_of(str(key))
        if secret and value:
            redacted[name] = _HIDDEN
        else:
            redacted[name] = redact(value) if type(value) is str else _redact_all(value)
    return redacted


@lru_cache(maxsize=1024)
def _name_of(key: str) -> tuple[str, bool]:
    """Return a field's name, redacted, and whether its value is secret."""
    return redact(key), _SENSITIVE_NAME.search(key) is not None


class RedactingFormatter(JsonFormatter):
    """Formats JSON lines. Every value passes through `redact`: messages, extras and tracebacks."""

    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp=True,
        )
        self._encoder = JsonEncoder()

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Add the ids of the current work, and hide personal data and secrets."""
        if has_request_context():
            log_data.setdefault("request_id", g.get("request_id"))
        for name, value in (log_context.CURRENT.get() or {}).items():
            log_data.setdefault(name, value)
        return _redact_fields(log_data)

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        """Return the line. The library would make a new encoder for each line."""
        return self._encoder.encode(log_data)


FormattedRecord = tuple[logging.LogRecord, str]
_kept = threading.local()
"""`lines`: the lines of this thread that wait for one common write, by their handler."""


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes each line with one system call, without a lock.

    The library's handler formats and writes under a lock. A thread releases the interpreter to write and then
    waits to get it again; meanwhile all other threads wait for the lock. A busy server spends most of its
    time so. The operating system does not mix lines that are written with one call: never up to 4 KiB
    (PIPE_BUF), and above that only if a pipe is full.
    """

    def handle(self, record: logging.LogRecord) -> bool:
        """Write the record's line, unless a filter rejects it."""
        passed: Any = self.filter(record)  # since Python 3.12 a filter may return another record
        if passed:
            self.emit(passed if isinstance(passed, logging.LogRecord) else record)
        return bool(passed)

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's line, or keep it for the end of `in_one_write`. Errors are handled as usual."""
        try:
            line = f"{self.format(record)}\n"
            if (waiting := getattr(_kept, "lines", None)) is None:
                _write(self.stream, line)
            else:
                waiting[self].append((record, line))
        except Exception:  # noqa: BLE001 - a line that cannot be written must not stop a payment
            self.handleError(record)

    def write_all(self, lines: Sequence[FormattedRecord]) -> None:
        """Write lines with the fewest system calls that keep each line whole."""
        together: list[str] = []
        for record, line in lines:
            if together and sum(map(len, together)) + len(line) > PIPE_BUF:
                self._write_or_report(together, record)
                together = []
            together.append(line)
        self._write_or_report(together, lines[-1][0])

    def _write_or_report(self, lines: Sequence[str], record: logging.LogRecord) -> None:
        try:
            _write(self.stream, "".join(lines))
        except Exception:  # noqa: BLE001 - as above
            self.handleError(record)


@contextmanager
def in_one_write() -> Iterator[None]:
    """Collect the lines that this thread logs in the block; write them at its end, many lines per call."""
    outer, lines = getattr(_kept, "lines", None), defaultdict[LineHandler, list[FormattedRecord]](list)
    _kept.lines = lines
    try:
        yield
    finally:
        _kept.lines = outer
        for handler, waiting in lines.items():
            handler.write_all(waiting)


def write_lines(lines: Iterable[LogLine]) -> None:
    """Write the log lines of a committed plan.

    If a handler or filter raises, the error is printed on standard error and the other lines are written.
    """
    for line in lines:
        try:
            logger = logging.getLogger(line.logger)
            if logger.isEnabledFor(line.level):
                logger.handle(_record(logger, line))
        except Exception:  # noqa: BLE001 - the plan is committed; an error here must not repeat it
            with suppress(Exception):  # standard error may be closed
                traceback.print_exc(file=sys.stderr)


def _record(logger: logging.Logger, line: LogLine) -> logging.LogRecord:
    """Return a record without its place in the code, which `Logger.log` would look for and nobody reads."""
    return logger.makeRecord(logger.name, line.level, "", 0, line.message, (), None, extra=dict(line.extra))


def _write(stream: TextIO, text: str) -> None:
    try:
        descriptor = stream.fileno()
    except (AttributeError, OSError, ValueError):  # it is not a file
        stream.write(text)
        stream.flush()
        return
    data = text.encode("utf-8", "backslashreplace")
    while data:
        data = data[os.write(descriptor, data) :]


def configure(level: str) -> None:
    """Log to standard error as JSON lines; a second call changes only the level."""
    root = logging.getLogger()
    ours = [h for h in root.handlers if isinstance(h.formatter, RedactingFormatter)]
    if not ours:
        handler = LineHandler(sys.stderr)
        handler.setFormatter(RedactingFormatter())
        root.addHandler(handler)
    logging.getLogger("mpesa_service").setLevel(level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
