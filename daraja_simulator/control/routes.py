"""Routes of the control API, and functions that its modules share."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request

from daraja_simulator.callback_delivery import Attempt
from daraja_simulator.errors import ControlError
from daraja_simulator.money import Money, parse_money
from daraja_simulator.outcomes import WRONG_PIN, ResultCode, result_code
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import SUBSCRIBER, Json

Handler = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Route:
    """A path below /simulator. Its handler receives the state and the variable parts of the path.

    It returns what becomes JSON, or a Response.
    """

    method: str
    path: str
    handler: Handler


def register(app: Flask, state: SimulatorState, route: Route) -> None:
    """Add the route to the Flask app."""

    def view(**parts: str) -> Response:
        answer = route.handler(state, **parts)
        if isinstance(answer, Response):
            return answer
        return Response(json.dumps(answer), content_type="application/json;charset=UTF-8")

    app.add_url_rule(f"/simulator{route.path}", f"{route.method} {route.path}", view, methods=[route.method])


def json_body() -> Json:
    """Return the request's JSON object, or an empty one without a body. Raises ControlError."""
    if not request.get_data():
        return {}
    body = request.get_json(silent=True, force=True)
    if not isinstance(body, dict):
        raise ControlError("the body must be a JSON object")
    return body


def whole_number(body: Json, name: str, default: int) -> int:
    """Return a number of the body: whole, zero or more. Raises ControlError."""
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ControlError(f"{name} must be a whole number, zero or more")
    return value


def money_in(body: Json, name: str) -> Money:
    """Return an amount of the body, such as 100, 100.5 or "100.50". Raises ControlError."""
    amount = parse_money(body.get(name))
    if amount is None:
        raise ControlError(f'{name} must be shillings with at most two decimals, such as 100 or "100.50"')
    return amount


def query_number(name: str, default: int, most: int | None = None) -> int:
    """Return a whole number of the query string. Raises ControlError."""
    text = request.args.get(name, str(default))
    if not (text.isascii() and text.isdigit()) or (most is not None and not 1 <= int(text) <= most):
        raise ControlError(f"{name} must be a whole number" + ("" if most is None else f" from 1 to {most}"))
    return int(text)


def result_code_in(body: Json) -> ResultCode | None:
    """Return the body's `resultCode` with Daraja's type, or None. Raises ControlError."""
    value = body.get("resultCode")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ControlError("resultCode must be a number or a text")
    return WRONG_PIN if value == "wrong_pin" else result_code(value)


def msisdn_in(body: Json) -> str:
    """Return the body's `msisdn`: twelve digits. Raises ControlError."""
    msisdn = str(body.get("msisdn", ""))
    if not SUBSCRIBER.fullmatch(msisdn):
        raise ControlError("msisdn must be 2547XXXXXXXX or 2541XXXXXXXX")
    return msisdn


def attempts_as_json(state: SimulatorState, attempts: list[Attempt]) -> list[Json]:
    """Return delivery attempts as JSON."""
    with state.lock:
        return [attempt.as_json() for attempt in attempts]
