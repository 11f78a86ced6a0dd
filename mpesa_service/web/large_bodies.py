"""Reads a body that is over its route's limit, as far as it helps a person to find out what it is."""

import hashlib

from flask import request

from mpesa_service.core.inbox import CutBody
from mpesa_service.web.request_hooks import MAX_BODY_BYTES

READ_BYTES = 4 * 1024 * 1024
"""The most that is read of such a body. It is read into memory."""
_PIECE = 64 * 1024


def read_large_body() -> CutBody:
    """Return the beginning of this request's body, with the size and the SHA-256 of all of it.

    The size of a body in chunks that is not read to its end is what was read of it.
    """
    stated = request.content_length
    # The hook that measures a body in chunks has read its first part.
    body = bytearray(request.get_data(cache=True) if stated is None else b"")
    most = READ_BYTES if stated is None else min(stated, READ_BYTES)
    ended = _read_on(body, most)
    complete = ended if stated is None else len(body) == stated
    return CutBody(
        head=bytes(body[:MAX_BODY_BYTES]),
        size=len(body) if stated is None else stated,
        sha256=hashlib.sha256(body).hexdigest() if complete else None,
    )


def _read_on(body: bytearray, most: int) -> bool:
    """Read the rest of the body, until there are `most` bytes; return whether it ended before."""
    stream = request.environ["wsgi.input"]
    while len(body) < most:
        try:
            piece = stream.read(min(_PIECE, most - len(body)))
        except (OSError, ValueError):  # the connection broke off
            return False
        if not piece:
            return True
        body += piece
    return False
