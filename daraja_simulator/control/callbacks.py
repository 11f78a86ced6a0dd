"""Callbacks that wait, and callbacks once more."""

from daraja_simulator.control.common import Route, payload, sent, whole
from daraja_simulator.courier import DELAYED
from daraja_simulator.errors import ControlError
from daraja_simulator.wire import Json
from daraja_simulator.world import World

_MOST = 500
_KEYS = ("checkoutRequestId", "transId", "originatorConversationId")


def flush(world: World) -> Json:
    """Deliver all delayed callbacks now."""
    return {"delivered": world.scheduler.pull(DELAYED)}


def resend(world: World) -> Json:
    """Send the last callback of an id again `times` times, all at once when `parallel`.

    A callback that was lost can be sent this way, too.
    """
    body = payload()
    key = next((str(body[name]) for name in _KEYS if body.get(name)), "")
    times = whole(body, "times", 1)
    if not 1 <= times <= _MOST:
        raise ControlError(f"times must lie between 1 and {_MOST}")
    with world.lock:
        known = key in world.courier.letters
    if not known:
        raise ControlError("no callback of that id yet", 404)
    parallel = bool(body.get("parallel", False))
    return {"callbacks": sent(world, world.courier.resend(key, times, parallel=parallel))}


ROUTES = (
    Route("POST", "/callbacks/flush", flush),
    Route("POST", "/callbacks/resend", resend),
)
