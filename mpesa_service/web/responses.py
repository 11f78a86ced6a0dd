"""From an outcome to the exact bytes of its answer, and from those to a response."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, g

from mpesa_service.core.idempotency import Answer
from mpesa_service.errors import ServiceError


def success(status: int, message: str, data: Any, **more: Any) -> Answer:
    """Return the success shape, with what stands beside the data, if anything."""
    return Answer(status, _bytes({"success": True, "message": message, "data": data, **more}))


def failure(error: ServiceError) -> Answer:
    """Return the error shape, as an answer that an idempotency key can keep."""
    return Answer(error.status, _bytes(error.body(g.request_id)), retry_after=error.retry_after)


def respond(answer: Answer) -> Response:
    """Return an answer as a response; a kept one says that it is."""
    response = Response(answer.body, answer.status, mimetype="application/json")
    if answer.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    if answer.retry_after is not None:
        response.headers["Retry-After"] = str(answer.retry_after)
    return response


def _bytes(body: Mapping[str, Any]) -> bytes:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return text.encode(errors="replace")  # a name that a caller made up may hold half a character
