"""No body over 64 kB, whether it announces its length or comes in chunks."""

from flask import Flask, request
from werkzeug.exceptions import RequestEntityTooLarge

MAX_BODY_BYTES = 64 * 1024


def init_app(app: Flask) -> None:
    app.before_request(_refuse_large_bodies)


def _refuse_large_bodies() -> None:
    length = request.content_length
    if length is None:  # in chunks: only reading tells, and the configured limit ends the reading
        length = len(request.get_data(cache=True))
    if length > MAX_BODY_BYTES:
        raise RequestEntityTooLarge
