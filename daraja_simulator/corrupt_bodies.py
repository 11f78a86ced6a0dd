"""Response bodies that a client must be able to handle: gateway pages, truncated JSON, wrong types, 5xx."""

import json
from random import Random

from flask import Response

from daraja_simulator.scripts import CORRUPTIONS

Generator = Random

_PAGE = (
    "<html><head><title>Request unsuccessful</title></head><body>"
    "Request unsuccessful. Incapsula incident ID: 443000270020000000-1</body></html>"
)
_HUGE_LENGTH = 5_000_000


def corrupted(answer: Response, kind: str | None, draw: Random) -> Response:
    """Return the response with a corrupt body, of the given kind or of a random one."""
    chosen = kind or draw.choice(CORRUPTIONS)
    if chosen == "html":
        return Response(_PAGE, 200, content_type="text/html")
    if chosen == "wrong_types":
        return _typed([_wrong_types(json.loads(answer.get_data()))])
    text = answer.get_data(as_text=True)
    bodies = {"empty": "", "truncated": text[: len(text) // 2], "huge": f'"{"x" * _HUGE_LENGTH}"'}
    return _typed_text(bodies[chosen])


def server_error(draw: Random) -> Response:
    """Return a 5xx response: Daraja's own 500, or a gateway's page with 502, 503 or 504."""
    status = draw.choice((500, 502, 503, 504))
    if status == 500:
        body = {
            "requestId": "",
            "errorCode": "500.001.1001",
            "errorMessage": "Internal Server Error",
        }
        return Response(json.dumps(body), status, content_type="application/json;charset=UTF-8")
    return Response(f"<html><body><h1>{status}</h1></body></html>", status, content_type="text/html")


def _wrong_types(body: dict[str, object]) -> dict[str, object]:
    return {key: {"value": [value]} for key, value in body.items()}


def _typed(body: object) -> Response:
    return _typed_text(json.dumps(body))


def _typed_text(text: str) -> Response:
    return Response(text, 200, content_type="application/json;charset=UTF-8")
