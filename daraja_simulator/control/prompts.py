"""Controls prompts: PIN, cancel, expiry, or any result."""

from daraja_simulator import prompts
from daraja_simulator.callback_delivery import Attempt
from daraja_simulator.control.routes import Route, attempts_as_json, json_body, result_code_in
from daraja_simulator.errors import ControlError
from daraja_simulator.outcomes import NO_ANSWER
from daraja_simulator.records import FAILED, OPEN, Prompt
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json

_CANCELLED = 1032


def list_prompts(state: SimulatorState) -> Json:
    """Return all prompts, the oldest first."""
    with state.lock:
        return {"prompts": [prompt.as_json() for prompt in state.prompts.values()]}


def get_prompt(state: SimulatorState, checkout_request_id: str) -> Json:
    """Return one prompt."""
    prompt = _prompt(state, checkout_request_id)
    with state.lock:
        return prompt.as_json()


def pin(state: SimulatorState, checkout_request_id: str) -> Json:
    """Enter `pin` and press OK."""
    prompt = _open_prompt(state, checkout_request_id)
    entered = str(json_body().get("pin", ""))
    return _done(state, prompt, prompts.enter_pin(state, prompt, entered))


def cancel(state: SimulatorState, checkout_request_id: str) -> Json:
    """Press Cancel."""
    prompt = _open_prompt(state, checkout_request_id)
    return _done(state, prompt, prompts.end(state, prompt, _CANCELLED))


def expire(state: SimulatorState, checkout_request_id: str) -> Json:
    """Expire the prompt."""
    prompt = _open_prompt(state, checkout_request_id)
    return _done(state, prompt, prompts.end(state, prompt, NO_ANSWER))


def outcome(state: SimulatorState, checkout_request_id: str) -> Json:
    """End the prompt with `resultCode`, or as planned. `late` pays a failed prompt."""
    body = json_body()
    code = result_code_in(body)
    if body.get("late"):
        prompt = _prompt(state, checkout_request_id)
        if prompt.state != FAILED:
            raise ControlError("only a failed prompt can be paid late", 409)
        return _done(state, prompt, prompts.pay_late(state, prompt))
    prompt = _open_prompt(state, checkout_request_id)
    return _done(state, prompt, prompts.end(state, prompt, code))


def _prompt(state: SimulatorState, checkout_request_id: str) -> Prompt:
    with state.lock:
        prompt = state.prompts.get(checkout_request_id)
    if prompt is None:
        raise ControlError("unknown prompt", 404)
    return prompt


def _open_prompt(state: SimulatorState, checkout_request_id: str) -> Prompt:
    prompt = _prompt(state, checkout_request_id)
    if prompt.state != OPEN:
        raise ControlError(f"the prompt is already {prompt.state}", 409)
    return prompt


def _done(state: SimulatorState, prompt: Prompt, attempts: list[Attempt]) -> Json:
    with state.lock:
        return {"prompt": prompt.as_json(), "callbacks": attempts_as_json(state, attempts)}


ROUTES = (
    Route("GET", "/prompts", list_prompts),
    Route("GET", "/prompts/<checkout_request_id>", get_prompt),
    Route("POST", "/prompts/<checkout_request_id>/pin", pin),
    Route("POST", "/prompts/<checkout_request_id>/cancel", cancel),
    Route("POST", "/prompts/<checkout_request_id>/expire", expire),
    Route("POST", "/prompts/<checkout_request_id>/outcome", outcome),
)
