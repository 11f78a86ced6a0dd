"""Ending a B2C request by hand."""

from mpesa_service.simulator import payouts
from mpesa_service.simulator.control.common import Route, code_in, payload, sent
from mpesa_service.simulator.courier import Attempt
from mpesa_service.simulator.errors import ControlError
from mpesa_service.simulator.records import QUEUED, TIMED_OUT, Payout
from mpesa_service.simulator.wire import Json
from mpesa_service.simulator.world import World


def every(world: World) -> Json:
    """Return all payouts, oldest first."""
    with world.lock:
        return {"payouts": [payout.as_json() for payout in world.payouts.values()]}


def complete(world: World, originator_id: str) -> Json:
    """Carry the payout out, or end it with `resultCode`; it may have timed out before."""
    payout = _payout(world, originator_id, (QUEUED, TIMED_OUT))
    return _done(world, payout, payouts.complete(world, payout, code_in(payload())))


def time_out(world: World, originator_id: str) -> Json:
    """Send the request back on its QueueTimeOutURL."""
    payout = _payout(world, originator_id, (QUEUED,))
    return _done(world, payout, payouts.time_out(world, payout))


def _payout(world: World, originator_id: str, states: tuple[str, ...]) -> Payout:
    with world.lock:
        payout = world.payouts.get(originator_id)
    if payout is None:
        raise ControlError("no such payout", 404)
    if payout.state not in states:
        raise ControlError(f"the payout is {payout.state}", 409)
    return payout


def _done(world: World, payout: Payout, attempts: list[Attempt]) -> Json:
    with world.lock:
        return {"payout": payout.as_json(), "callbacks": sent(world, attempts)}


ROUTES = (
    Route("GET", "/b2c", every),
    Route("POST", "/b2c/<originator_id>/complete", complete),
    Route("POST", "/b2c/<originator_id>/timeout", time_out),
)
