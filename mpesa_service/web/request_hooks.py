"""What happens around each request: its id, the limit of its body, and the headers of every response."""

import random
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import LengthRequired, RequestEntityTooLarge

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_VALID_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
MAX_BODY_BYTES = 64 * 1024
MAX_CHUNKED_BYTES = 4 * 1024 * 1024
"""A body without its length is read into memory, so a route for larger ones needs the length."""
KILOBYTE = 1024
TOO_LARGE = 413
View = TypeVar("View", bound=Callable[..., Any])


def init_app(app: Flask) -> None:
    """Give every request its id, limit its body, and give every response its headers."""
    app.before_request(_assign)
    app.before_request(_refuse_large_bodies)
    app.after_request(_show)


def request_id() -> str:
    """Return this request's id; assign one if the request failed before it had one."""
    if "request_id" not in g:
        _assign()
    return str(g.request_id)


def _assign() -> None:
    requested = request.headers.get("X-Request-Id", "")
    g.request_id = requested if _VALID_ID.fullmatch(requested) else f"{random.getrandbits(128):032x}"


def _show(response: Response) -> Response:
    response.headers["X-Request-Id"] = request_id()
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def accepts_up_to(size: int) -> Callable[[View], View]:
    """Set the body limit of a route to `size` bytes."""

    def decorate(view: View) -> View:
        view.max_body_bytes = size  # type: ignore[attr-defined]
        return view

    return decorate


def on_large_body(report: Callable[..., None]) -> Callable[[View], View]:
    """Set what is called with the size of a body that is over the route's limit, and the route's parameters.

    The size is in bytes. If the body came in chunks, it is the first size over the limit.
    """

    def decorate(view: View) -> View:
        view.report_large_body = report  # type: ignore[attr-defined]
        return view

    return decorate


def largest_body() -> int:
    """Return the body limit of this request's route, in bytes."""
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, "max_body_bytes", MAX_BODY_BYTES)


def too_large() -> str:
    """Return the error message for a body that is too large for this request's route."""
    return f"The body is larger than {largest_body() // KILOBYTE} kB."


def _refuse_large_bodies() -> None:
    most = largest_body()
    request.max_content_length = most + 1  # one byte over the limit: werkzeug cuts a chunked body off here
    length = request.content_length
    if most > MAX_CHUNKED_BYTES and "Transfer-Encoding" in request.headers:
        raise LengthRequired
    if length is None:  # in chunks: the length is known only after reading, which stops at the limit
        try:
            length = len(request.get_data(cache=True))
        except RequestEntityTooLarge:
            length = most + 1
    if length > most:
        view = current_app.view_functions.get(request.endpoint or "")
        if (report := getattr(view, "report_large_body", None)) is not None:
            report(length, **(request.view_args or {}))
        raise RequestEntityTooLarge


class WithoutEndSlashes:
    """A WSGI application that ignores several slashes at the end of the paths with certain prefixes.

    werkzeug would redirect such a request, and M-Pesa does not follow redirects (assumed).
    """

    def __init__(self, application: "WSGIApplication", prefixes: tuple[str, ...]) -> None:
        self._application, self._prefixes = application, prefixes

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path.endswith("//") and path.startswith(self._prefixes):
            environ["PATH_INFO"] = path.rstrip("/")
        return self._application(environ, start_response)
