"""HTTP/1.1 as bytes: requests are built before the load, so that sending one costs only a write."""

import json
from collections.abc import Mapping
from typing import Any

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_CHUNKED = b"transfer-encoding: chunked"


def request(method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a whole request; `body` is encoded as JSON unless it is bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: benchmark"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    raw = b""
    if body is not None:
        raw = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(raw)}"]
    return "\r\n".join(lines).encode() + _HEAD_END + raw


def answer_length(received: bytes | bytearray) -> int | None:
    """Return the length of the response that starts with `received`; None if it is not known yet."""
    end = received.find(_HEAD_END)
    if end < 0:
        return None
    head = bytes(received[:end]).lower()
    at = head.find(_LENGTH)
    if at >= 0:
        value = head[at + len(_LENGTH) :].split(b"\r\n", 1)[0]
        return end + len(_HEAD_END) + int(value)
    if _CHUNKED in head:
        over = received.find(b"\r\n0\r\n\r\n", end)
        return over + 7 if over >= 0 else None
    return end + len(_HEAD_END)


def status(received: bytes | bytearray) -> int:
    """Return the status of a response."""
    return int(received[9:12])
