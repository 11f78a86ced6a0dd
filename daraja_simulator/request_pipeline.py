"""The steps of every API request: token check, faults before processing, the handler, faults after it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request

from daraja_simulator import corrupt_bodies, lenient
from daraja_simulator.errors import DarajaError, spike_arrest_error
from daraja_simulator.faults import FaultPlan
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json

REASON_HEADER = "X-Simulator-Reason"
"""The header of a refusal that names the field, its value and the limit. Daraja has none."""

CLOSE_CONNECTION = "simulator.close_connection"
"""The key in the WSGI environment that makes the server close the connection without a response."""

_IDENTIFIER_FIELDS = {
    "msisdn": ("PhoneNumber", "PartyB", "Msisdn"),
    "checkoutRequestId": ("CheckoutRequestID",),
    "originatorConversationId": ("OriginatorConversationID", "OriginalConversationID"),
    "receipt": ("TransactionID",),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request: the simulator's state, the request's fault plan, its body, and the app that sent it."""

    state: SimulatorState
    plan: FaultPlan
    body: Json
    app_key: str


Handler = Callable[[Call], Json]
TokenError = Callable[[str], DarajaError]


@dataclass(frozen=True, slots=True)
class Api:
    """A route of Daraja. `token_error` makes this API's error for an invalid token; None: no token needed."""

    operation: str
    path: str
    handler: Handler
    token_error: TokenError | None
    method: str = "POST"


def invalid_token_404(_token: str) -> DarajaError:
    """Return the error of STK push, STK query, reversal and B2B."""
    return DarajaError(404, "404.001.03", "Invalid Access Token")


def invalid_token_400(_token: str) -> DarajaError:
    """Return the error of C2B and transaction status."""
    return DarajaError(400, "400.003.01", "Invalid Access Token")


def invalid_token_401(token: str) -> DarajaError:
    """Return the error of B2C and account balance, which repeats the token."""
    return DarajaError(401, "401.002.01", f"Error Occurred - Invalid Access Token - {token}")


def invalid_token_of_pull(_token: str) -> DarajaError:
    """Return the error of Pull Transactions (observed on the sandbox)."""
    return DarajaError(401, "401.001", "Error Occurred - Invalid Access Token -")


def register(app: Flask, state: SimulatorState, api: Api) -> None:
    """Add the route to the Flask app."""

    def view() -> Response:
        return _serve(state, api)

    app.add_url_rule(api.path, f"{api.operation}:{api.path}", view, methods=[api.method])


def error_response(error: DarajaError) -> Response:
    """Return an error as an HTTP response. An error without a body has no content."""
    body = error.body()
    response = _json(error.status, body) if body else Response("", error.status)
    if error.reason:
        response.headers[REASON_HEADER] = error.reason.encode("ascii", "replace").decode()
    return response


def _serve(state: SimulatorState, api: Api) -> Response:
    with state.lock:
        state.requests[api.operation] += 1
    try:
        token, app_key = _authorize(state, api)
        plan = state.fault_plan(api.operation, _identifiers(state, api))
        if plan.faults:
            state.log(f"{api.operation} faults: {', '.join(sorted(plan.faults))}")
        response = _faults_before(state, api, plan, token)
        if response is not None:
            return response
        call = Call(state, plan, _body(state, api) if api.method == "POST" else {}, app_key)
        answer = _json(200, api.handler(call))
    except DarajaError as error:
        state.refuse(api.operation, error.status, f"{error.code} {_log_text(error)}", error.reason)
        return error_response(error)
    return _faults_after(state, plan, answer)


def _log_text(error: DarajaError) -> str:
    return "Invalid Access Token" if "Access Token" in error.message else error.message


def _authorize(state: SimulatorState, api: Api) -> tuple[str, str]:
    if api.token_error is None:
        return "", ""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise DarajaError(404, "404.001.04", "Invalid Authentication Header")
    with state.lock:
        app_key = state.tokens.app_of(token, state.now())
    if app_key is None:
        raise api.token_error(token)
    return token, app_key


def _identifiers(state: SimulatorState, api: Api) -> dict[str, str]:
    body: Any = request.get_json(silent=True)
    if state.options.lenient:
        body = lenient.completed(api.operation, lenient.body_of(request))
    if not isinstance(body, dict):
        return {}
    return {
        identifier: str(body[name])
        for identifier, names in _IDENTIFIER_FIELDS.items()
        for name in reversed(names)
        if name in body
    }


def _body(state: SimulatorState, api: Api) -> Json:
    """Return the body. A wrong content type counts as a body without fields (portal FAQ).

    With the option `lenient`, it does not, and the body is completed.
    """
    if state.options.lenient:
        return lenient.completed(api.operation, lenient.body_of(request))
    if not request.is_json:
        return {}
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise DarajaError(400, "400.002.05", "Invalid Request Payload")
    return body


def _faults_before(state: SimulatorState, api: Api, plan: FaultPlan, token: str) -> Response | None:
    if plan.has("timeout_before"):
        state.stopping.wait(state.options.stall_seconds)
    if plan.has("timeout_before") or plan.has("refused_before"):
        return _close_connection(state, "before processing")
    if plan.has("token_refused") and api.token_error is not None:
        raise api.token_error(token)
    if plan.has("spike_arrest"):
        raise spike_arrest_error(state.options.spike_style)
    if plan.has("error_5xx"):
        return corrupt_bodies.server_error(_generator(state, "error_5xx"))
    if plan.script is not None and plan.script.answer and not plan.script.answer["after"]:
        return _scripted(plan.script.answer)
    return None


def _faults_after(state: SimulatorState, plan: FaultPlan, answer: Response) -> Response:
    if plan.has("slow"):
        state.stopping.wait(state.options.slow_seconds)
    if plan.has("answer_lost"):
        return _close_connection(state, "after processing")
    if plan.has("error_5xx_after"):
        return corrupt_bodies.server_error(_generator(state, "error_5xx_after"))
    if plan.has("garbled"):
        kind = plan.script.garbled if plan.script else None
        with state.lock:
            return corrupt_bodies.corrupted(answer, kind, state.faults.generator("garbled kind"))
    if plan.script is not None and plan.script.answer:
        return _scripted(plan.script.answer)
    return answer


def _generator(state: SimulatorState, name: str) -> corrupt_bodies.Generator:
    with state.lock:
        return state.faults.generator(f"{name} kind")


def _close_connection(state: SimulatorState, when: str) -> Response:
    state.log(f"fault: connection closed {when}")
    request.environ[CLOSE_CONNECTION] = True
    return Response()


def _scripted(answer: Json) -> Response:
    body = answer["body"]
    if isinstance(body, str):
        return Response(body, answer["status"], content_type="text/html")
    return _json(answer["status"], body)


def _json(status: int, body: Any) -> Response:
    return Response(json.dumps(body), status, content_type="application/json;charset=UTF-8")
