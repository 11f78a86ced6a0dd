"""Tokens, good and forged, and what the service answers to them."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

from flask import Flask

from tests.support import SECRET

ISSUER, AUDIENCE = "https://id.example.co.ke", "mpesa"
BODY = {"orderId": "ORDER1", "amount": 1_000_000, "phoneNumber": "0712345678"}
ROUTES = {
    "initiate": ("POST", "/api/mpesa/initiate", BODY),
    "query": ("GET", "/api/mpesa/query/ws_CO_1", None),
    "refund": ("POST", "/api/mpesa/ws_CO_1/refund", {}),
}
LET_IN = {"initiate": 400, "query": 404, "refund": 404}
"""The status that an accepted admin gets: the guard passes, and the object is not found."""


def segment(data: bytes | dict[str, Any] | list[Any]) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def by_hand(header: Any, payload: Any, secret: str | None = SECRET) -> str:
    """Make a token with an HS256 signature and any header."""
    signed = f"{segment(header)}.{segment(payload)}"
    if secret is None:
        return f"{signed}."
    return f"{signed}.{segment(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    found = {
        "sub": "boss",
        "iat": now,
        "nbf": now,
        "exp": now + 600,
        "jti": "1",
        "roles": ["admin"],
        **changes,
    }
    return {name: value for name, value in found.items() if value is not ...}


def token(secret: str = SECRET, header: dict[str, Any] | None = None, **changes: Any) -> str:
    return by_hand({"alg": "HS256", "typ": "JWT", **(header or {})}, claims(**changes), secret)


def send(app: Flask, route: str, header: str | list[str] | None) -> Any:
    method, path, body = ROUTES[route]
    values = [header] if isinstance(header, str) else header or []
    return app.test_client().open(
        path, method=method, json=body, headers=[("Authorization", value) for value in values]
    )


def refused(app: Flask, header: str | list[str] | None) -> None:
    for route in ROUTES:
        answer = send(app, route, header)
        assert answer.status_code == 401, (route, answer.json)
        assert answer.json == {
            "error": "Unauthorized",
            "message": answer.json["message"],
            "code": "unauthenticated",
            "requestId": answer.headers["X-Request-Id"],
        }
        if isinstance(header, str) and len(header) > 12:
            assert header[7:] not in answer.text


def let_in(app: Flask, header: str) -> None:
    for route, status in LET_IN.items():
        assert send(app, route, header).status_code == status, route
