"""Requests, and the shape of errors."""

import re
from typing import Any


def shaped(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Check that an answer has the error shape; return its body."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/json"
    body: dict[str, Any] = answer.json
    assert set(body) - {"details"} == {"error", "message", "code", "requestId"}
    assert body["code"] == code
    assert body["requestId"] == answer.headers["X-Request-Id"]
    assert re.fullmatch(r"[a-z_]+", body["code"])
    assert body["message"]
    assert body["error"]
    assert "details" not in body or body["details"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return body


def retry_after(answer: Any) -> int:
    text = answer.headers["Retry-After"]
    assert re.fullmatch(r"[1-9]\d*", text)
    return int(text)
