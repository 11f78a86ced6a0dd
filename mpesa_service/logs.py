"""One JSON line an event, with request and payment ids, and nothing that names a person or opens a door."""

import logging
import re
import sys
from typing import Any

from flask import g, has_request_context
from pythonjsonlogger.json import JsonFormatter

_HIDDEN = "***"
_PATTERNS = (
    # A CheckoutRequestID ends in the subscriber's number.
    (re.compile(r"\b(ws_CO_)[A-Za-z0-9_]+"), r"\1" + _HIDDEN),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+"), r"\1 " + _HIDDEN),
    (re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"), _HIDDEN),
    (
        re.compile(r"(?<![A-Za-z0-9])((?:\+?254|0)?[17]\d{1})\d{5}(\d{2})(?![A-Za-z0-9])"),
        r"\1***\2",
    ),
    (
        re.compile(
            r"(?i)(\"?(?:password|passkey|securitycredential|secret|access_token|token)\"?\s*[:=]\s*\"?)"
            r"[^\s\",}]+"
        ),
        r"\1" + _HIDDEN,
    ),
    (
        re.compile(r"(/callback/(?:b2c/(?:result|timeout)/)?)(?!b2c/)[A-Za-z0-9_-]{16,}"),
        r"\1" + _HIDDEN,
    ),
)


def redact(text: str) -> str:
    """Return `text` with phone numbers, tokens and credentials hidden."""
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _redact_all(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redact_all(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redact_all(item) for item in value]
    return value


class RedactingFormatter(JsonFormatter):
    """JSON lines whose every value went through `redact`: messages, extras and tracebacks alike."""

    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp=True,
        )

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        if has_request_context():
            log_data.setdefault("request_id", g.get("request_id"))
        redacted: dict[str, Any] = _redact_all(super().process_log_record(log_data))
        return redacted


def configure(level: str) -> None:
    """Send everything to standard error as JSON lines; safe to call again."""
    root = logging.getLogger()
    ours = [h for h in root.handlers if isinstance(h.formatter, RedactingFormatter)]
    if not ours:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(RedactingFormatter())
        root.addHandler(handler)
    logging.getLogger("mpesa_service").setLevel(level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
