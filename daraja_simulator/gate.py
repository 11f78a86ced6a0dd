"""What every API request passes: token, faults before acting, the act, faults after it."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, request

from daraja_simulator import garbling
from daraja_simulator.errors import DarajaError, spike_arrest
from daraja_simulator.faults import Plan
from daraja_simulator.wire import Json
from daraja_simulator.world import World

HANG_UP = "simulator.hang_up"
"""Set in the WSGI environment when the connection is to be cut without an answer."""

_FACT_FIELDS = {
    "msisdn": ("PhoneNumber", "PartyB", "Msisdn"),
    "checkoutRequestId": ("CheckoutRequestID",),
    "originatorConversationId": ("OriginatorConversationID", "OriginalConversationID"),
    "receipt": ("TransactionID",),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way through: the world, what was drawn for it, its body, its app."""

    world: World
    plan: Plan
    body: Json
    app_key: str


Handler = Callable[[Call], Json]
TokenRefusal = Callable[[str], DarajaError]


@dataclass(frozen=True, slots=True)
class Api:
    """A route of Daraja. `refusal` says how this API spells a bad token; None: it needs none."""

    operation: str
    path: str
    handler: Handler
    refusal: TokenRefusal | None
    method: str = "POST"


def invalid_token_404(_token: str) -> DarajaError:
    """STK and reversal: HTTP 404."""
    return DarajaError(404, "404.001.03", "Invalid Access Token")


def invalid_token_400(_token: str) -> DarajaError:
    """C2B and transaction status."""
    return DarajaError(400, "400.003.01", "Invalid Access Token")


def invalid_token_401(token: str) -> DarajaError:
    """B2C and balance: the token is echoed."""
    return DarajaError(401, "401.002.01", f"Error Occurred - Invalid Access Token - {token}")


def register(app: Flask, world: World, api: Api) -> None:
    """Add the route to the Flask app."""

    def view() -> Response:
        return _serve(world, api)

    app.add_url_rule(api.path, f"{api.operation}:{api.path}", view, methods=[api.method])


def refusal_response(error: DarajaError) -> Response:
    """Return a refusal as HTTP; one without a body has no content at all."""
    body = error.body()
    return _json(error.status, body) if body else Response("", error.status)


def _serve(world: World, api: Api) -> Response:
    with world.lock:
        world.requests[api.operation] += 1
    try:
        token, app_key = _authorise(world, api)
        plan = world.plan(api.operation, _facts())
        if plan.faults:
            world.tell(f"{api.operation} faults: {', '.join(sorted(plan.faults))}")
        early = _before(world, api, plan, token)
        if early is not None:
            return early
        call = Call(world, plan, _body() if api.method == "POST" else {}, app_key)
        answer = _json(200, api.handler(call))
    except DarajaError as error:
        world.tell(f"{api.operation} refused: {error.code} {_clean(error)}")
        return refusal_response(error)
    return _after(world, plan, answer)


def _clean(error: DarajaError) -> str:
    return "Invalid Access Token" if "Access Token" in error.message else error.message


def _authorise(world: World, api: Api) -> tuple[str, str]:
    if api.refusal is None:
        return "", ""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise DarajaError(404, "404.001.04", "Invalid Authentication Header")
    with world.lock:
        app_key = world.tokens.holder(token, world.now())
    if app_key is None:
        raise api.refusal(token)
    return token, app_key


def _facts() -> dict[str, str]:
    body: Any = request.get_json(silent=True)
    if not isinstance(body, dict):
        return {}
    return {
        fact: str(body[name])
        for fact, names in _FACT_FIELDS.items()
        for name in reversed(names)
        if name in body
    }


def _body() -> Json:
    """A wrong content type leaves no fields: the first one is called invalid (portal FAQ)."""
    if not request.is_json:
        return {}
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise DarajaError(400, "400.002.05", "Invalid Request Payload")
    return body


def _before(world: World, api: Api, plan: Plan, token: str) -> Response | None:
    if plan.has("timeout_before"):
        world.stopping.wait(world.options.stall_seconds)
    if plan.has("timeout_before") or plan.has("refused_before"):
        return _hang_up(world, "before acting")
    if plan.has("token_refused") and api.refusal is not None:
        raise api.refusal(token)
    if plan.has("spike_arrest"):
        raise spike_arrest(world.options.spike_style)
    if plan.has("error_5xx"):
        return garbling.server_error(_generator(world, "error_5xx"))
    if plan.script is not None and plan.script.answer and not plan.script.answer["after"]:
        return _scripted(plan.script.answer)
    return None


def _after(world: World, plan: Plan, answer: Response) -> Response:
    if plan.has("slow"):
        world.stopping.wait(world.options.slow_seconds)
    if plan.has("answer_lost"):
        return _hang_up(world, "after acting")
    if plan.has("error_5xx_after"):
        return garbling.server_error(_generator(world, "error_5xx_after"))
    if plan.has("garbled"):
        kind = plan.script.garbled if plan.script else None
        with world.lock:
            return garbling.garbled(answer, kind, world.faults.generator("garbled kind"))
    if plan.script is not None and plan.script.answer:
        return _scripted(plan.script.answer)
    return answer


def _generator(world: World, name: str) -> garbling.Generator:
    with world.lock:
        return world.faults.generator(f"{name} kind")


def _hang_up(world: World, when: str) -> Response:
    world.tell(f"fault: connection cut {when}")
    request.environ[HANG_UP] = True
    return Response()


def _scripted(answer: Json) -> Response:
    body = answer["body"]
    if isinstance(body, str):
        return Response(body, answer["status"], content_type="text/html")
    return _json(answer["status"], body)


def _json(status: int, body: Any) -> Response:
    return Response(json.dumps(body), status, content_type="application/json;charset=UTF-8")
