"""The limit on request bodies: 64 kB, with a declared length or in chunks. A route may set another limit."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

MAX_BODY_BYTES = 64 * 1024
KILOBYTE = 1024
TOO_LARGE = 413
View = TypeVar("View", bound=Callable[..., Any])


def takes_up_to(size: int) -> Callable[[View], View]:
    """Set the body limit of a route to `size` bytes."""

    def decorate(view: View) -> View:
        view.max_body_bytes = size  # type: ignore[attr-defined]
        return view

    return decorate


def largest_body() -> int:
    """Return the body limit of this request's route, in bytes."""
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, "max_body_bytes", MAX_BODY_BYTES)


def too_large() -> str:
    """Return the error message for a body that is too large for this request's route."""
    return f"The body is larger than {largest_body() // KILOBYTE} kB."


def init_app(app: Flask) -> None:
    app.before_request(_refuse_large_bodies)


def _refuse_large_bodies() -> None:
    most = largest_body()
    request.max_content_length = most + 1  # one byte over the limit: werkzeug cuts a chunked body off here
    length = request.content_length
    if length is None:  # in chunks: the length is known only after reading, which stops at the limit
        length = len(request.get_data(cache=True))
    if length > most:
        raise RequestEntityTooLarge
