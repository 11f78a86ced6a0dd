"""One JSON line an event, with request and payment ids, and nothing that names a person or opens a door."""

import logging
import math
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from flask import g, has_request_context
from pythonjsonlogger.json import JsonEncoder, JsonFormatter

from mpesa_service import log_context
from mpesa_service.log_lines import LineHandler

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
        for name, value in log_context.current().items():
            log_data.setdefault(name, value)
        return _redact_fields(log_data)

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        """Return the line; the library would make an encoder for each."""
        return self._encoder.encode(log_data)


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
