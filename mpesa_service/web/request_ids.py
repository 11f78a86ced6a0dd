"""Request ids: the caller's X-Request-Id if it has a valid format, else a new one."""

import random
import re

from flask import Flask, Response, g, request

_DECENT = re.compile(r"[A-Za-z0-9._-]{8,64}")


def init_app(app: Flask) -> None:
    """Give every request its id and every response its X-Request-Id."""
    app.before_request(_assign)
    app.after_request(_show)


def request_id() -> str:
    """Return this request's id; assign one if the request failed before it had one."""
    if "request_id" not in g:
        _assign()
    return str(g.request_id)


def _assign() -> None:
    wished = request.headers.get("X-Request-Id", "")
    g.request_id = wished if _DECENT.fullmatch(wished) else f"{random.getrandbits(128):032x}"


def _show(response: Response) -> Response:
    response.headers["X-Request-Id"] = request_id()
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
