"""Playing the customer: PIN, cancel, expiry, or any result."""

from daraja_simulator import prompts
from daraja_simulator.control.common import Route, code_in, payload, sent
from daraja_simulator.courier import Attempt
from daraja_simulator.errors import ControlError
from daraja_simulator.outcomes import NO_ANSWER
from daraja_simulator.records import FAILED, OPEN, Prompt
from daraja_simulator.wire import Json
from daraja_simulator.world import World

_CANCELLED = 1032


def every(world: World) -> Json:
    """Return all prompts, oldest first."""
    with world.lock:
        return {"prompts": [prompt.as_json() for prompt in world.prompts.values()]}


def one(world: World, checkout_request_id: str) -> Json:
    """Return one prompt."""
    prompt = _prompt(world, checkout_request_id)
    with world.lock:
        return prompt.as_json()


def pin(world: World, checkout_request_id: str) -> Json:
    """Enter `pin` and press OK."""
    prompt = _open_prompt(world, checkout_request_id)
    entered = str(payload().get("pin", ""))
    return _done(world, prompt, prompts.enter_pin(world, prompt, entered))


def cancel(world: World, checkout_request_id: str) -> Json:
    """Press Cancel."""
    prompt = _open_prompt(world, checkout_request_id)
    return _done(world, prompt, prompts.act(world, prompt, _CANCELLED))


def expire(world: World, checkout_request_id: str) -> Json:
    """Let the prompt run out."""
    prompt = _open_prompt(world, checkout_request_id)
    return _done(world, prompt, prompts.act(world, prompt, NO_ANSWER))


def outcome(world: World, checkout_request_id: str) -> Json:
    """End with `resultCode` (left out: as planned); `late` pays a prompt that has failed."""
    body = payload()
    code = code_in(body)
    if body.get("late"):
        prompt = _prompt(world, checkout_request_id)
        if prompt.state != FAILED:
            raise ControlError("only a failed prompt can be paid late", 409)
        return _done(world, prompt, prompts.pay_late(world, prompt))
    prompt = _open_prompt(world, checkout_request_id)
    return _done(world, prompt, prompts.act(world, prompt, code))


def _prompt(world: World, checkout_request_id: str) -> Prompt:
    with world.lock:
        prompt = world.prompts.get(checkout_request_id)
    if prompt is None:
        raise ControlError("no such prompt", 404)
    return prompt


def _open_prompt(world: World, checkout_request_id: str) -> Prompt:
    prompt = _prompt(world, checkout_request_id)
    if prompt.state != OPEN:
        raise ControlError(f"the prompt is {prompt.state}, no longer open", 409)
    return prompt


def _done(world: World, prompt: Prompt, attempts: list[Attempt]) -> Json:
    with world.lock:
        return {"prompt": prompt.as_json(), "callbacks": sent(world, attempts)}


ROUTES = (
    Route("GET", "/prompts", every),
    Route("GET", "/prompts/<checkout_request_id>", one),
    Route("POST", "/prompts/<checkout_request_id>/pin", pin),
    Route("POST", "/prompts/<checkout_request_id>/cancel", cancel),
    Route("POST", "/prompts/<checkout_request_id>/expire", expire),
    Route("POST", "/prompts/<checkout_request_id>/outcome", outcome),
)
