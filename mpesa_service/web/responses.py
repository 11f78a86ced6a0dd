"""Answers (status and exact bytes), and the Flask responses that are made of them."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, g

from mpesa_service.core.idempotency import Answer
from mpesa_service.errors import ServiceError


def success(status: int, message: str, data: Any, **more: Any) -> Answer:
    """Return an answer in the success shape; `more` is added beside `data`."""
    return Answer(status, _bytes({"success": True, "message": message, "data": data, **more}))


def failure(error: ServiceError) -> Answer:
    """Return an answer in the error shape, which can be stored under an idempotency key."""
    return Answer(error.status, _bytes(error.body(g.request_id)), retry_after=error.retry_after)


def respond(answer: Answer) -> Response:
    """Return an answer as a response. A stored one has the header `Idempotent-Replayed`."""
    response = Response(answer.body, answer.status, mimetype="application/json")
    if answer.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    if answer.retry_after is not None:
        response.headers["Retry-After"] = str(answer.retry_after)
    return response


def _bytes(body: Mapping[str, Any]) -> bytes:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return text.encode(errors="replace")  # a text of a caller may contain half a surrogate pair
