"""No body over 64 kB, whether it announces its length or comes in chunks; a route may take more."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

MAX_BODY_BYTES = 64 * 1024
KILOBYTE = 1024
TOO_LARGE = 413
View = TypeVar("View", bound=Callable[..., Any])


def takes_up_to(size: int) -> Callable[[View], View]:
    """Let a route take bodies of up to `size` bytes."""

    def decorate(view: View) -> View:
        view.max_body_bytes = size  # type: ignore[attr-defined]
        return view

    return decorate


def largest_body() -> int:
    """Return how many bytes the route of this request takes."""
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, "max_body_bytes", MAX_BODY_BYTES)


def too_large() -> str:
    """Return the sentence for a body that is too large for the route of this request."""
    return f"The body is larger than {largest_body() // KILOBYTE} kB."


def init_app(app: Flask) -> None:
    app.before_request(_refuse_large_bodies)


def _refuse_large_bodies() -> None:
    most = largest_body()
    request.max_content_length = most + 1  # one more than is allowed: werkzeug cuts a chunked body off here
    length = request.content_length
    if length is None:  # in chunks: only reading tells, and the configured limit ends the reading
        length = len(request.get_data(cache=True))
    if length > most:
        raise RequestEntityTooLarge
