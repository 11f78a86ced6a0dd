"""Delivers delayed callbacks, and delivers callbacks again."""

from daraja_simulator.callback_delivery import DELAYED
from daraja_simulator.control.routes import Route, attempts_as_json, json_body, whole_number
from daraja_simulator.errors import ControlError
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json

_MAX_TIMES = 500
_ID_NAMES = ("checkoutRequestId", "transId", "originatorConversationId")


def flush(state: SimulatorState) -> Json:
    """Deliver all delayed callbacks now."""
    return {"delivered": state.scheduler.run_group(DELAYED)}


def resend(state: SimulatorState) -> Json:
    """Send the last callback of an id again, `times` times. With `parallel`, send all at the same time.

    This also works for a lost callback.
    """
    body = json_body()
    key = next((str(body[name]) for name in _ID_NAMES if body.get(name)), "")
    times = whole_number(body, "times", 1)
    if not 1 <= times <= _MAX_TIMES:
        raise ControlError(f"times must be between 1 and {_MAX_TIMES}")
    with state.lock:
        known = key in state.delivery.callbacks
    if not known:
        raise ControlError("there is no callback of this id", 404)
    parallel = bool(body.get("parallel", False))
    return {"callbacks": attempts_as_json(state, state.delivery.resend(key, times, parallel=parallel))}


ROUTES = (
    Route("POST", "/callbacks/flush", flush),
    Route("POST", "/callbacks/resend", resend),
)
