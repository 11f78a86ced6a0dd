"""Options, scripts, reset and the clock."""

from daraja_simulator.control.common import Route, payload
from daraja_simulator.errors import ControlError
from daraja_simulator.faults import FAULTS, OPERATIONS
from daraja_simulator.scripts import parse_script
from daraja_simulator.wire import Json, iso
from daraja_simulator.world import World


def reset(world: World) -> Json:
    """Forget everything, timers included; the body's options come on top of those of the start."""
    world.reset(payload())
    return world.options.as_json()


def get_options(world: World) -> Json:
    """Return all options."""
    return world.options.as_json()


def set_options(world: World) -> Json:
    """Set the options named in the body (`faults` replaces all rates); return all."""
    world.change_options(payload())
    return world.options.as_json()


def add_script(world: World) -> Json:
    """Add a one-shot instruction for the next matching request."""
    script = parse_script(payload(), OPERATIONS, FAULTS)
    with world.lock:
        world.faults.scripts.append(script)
        return {"waiting": len(world.faults.scripts)}


def clear_scripts(world: World) -> Json:
    """Forget the instructions that nothing has matched."""
    with world.lock:
        world.faults.scripts.clear()
        return {"waiting": 0}


def get_scripts(world: World) -> Json:
    """Return how many instructions wait."""
    with world.lock:
        return {"waiting": len(world.faults.scripts)}


def get_clock(world: World) -> Json:
    """Return the simulated time."""
    return {"now": iso(world.now())}


def advance_clock(world: World) -> Json:
    """Move the simulated clock forward and do what became due, before returning."""
    seconds = payload().get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e9:
        raise ControlError("seconds must be a number, zero or more")
    ran = world.scheduler.advance(seconds)
    return {"now": iso(world.now()), "ran": ran}


def revoke_tokens(world: World) -> Json:
    """Kill every access token, as a second token request elsewhere would."""
    with world.lock:
        world.tokens.revoke_all()
    return {"revoked": True}


def unlock_initiator(world: World) -> Json:
    """Let the initiator try again after 8006."""
    with world.lock:
        world.wrong_credentials = 0
    return {"locked": False}


ROUTES = (
    Route("POST", "/reset", reset),
    Route("GET", "/options", get_options),
    Route("POST", "/options", set_options),
    Route("GET", "/script", get_scripts),
    Route("POST", "/script", add_script),
    Route("DELETE", "/script", clear_scripts),
    Route("GET", "/clock", get_clock),
    Route("POST", "/clock/advance", advance_clock),
    Route("POST", "/tokens/revoke", revoke_tokens),
    Route("POST", "/initiator/unlock", unlock_initiator),
)
