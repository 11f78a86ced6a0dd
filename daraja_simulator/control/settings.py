"""Controls options, scripts, the clock, tokens and the initiator, and resets the simulator."""

from daraja_simulator.control.routes import Route, json_body
from daraja_simulator.errors import ControlError
from daraja_simulator.faults import FAULTS, OPERATIONS
from daraja_simulator.scripts import parse_script
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json, iso


def reset(state: SimulatorState) -> Json:
    """Remove all data and timers. The options are those of the start, with the body's changes."""
    state.reset(json_body())
    return state.options.as_json()


def get_options(state: SimulatorState) -> Json:
    """Return all options."""
    return state.options.as_json()


def set_options(state: SimulatorState) -> Json:
    """Set the options in the body and return all options. `faults` replaces all rates."""
    state.change_options(json_body())
    return state.options.as_json()


def add_script(state: SimulatorState) -> Json:
    """Add a one-shot instruction for the next matching request."""
    script = parse_script(json_body(), OPERATIONS, FAULTS)
    with state.lock:
        state.faults.scripts.append(script)
        return {"waiting": len(state.faults.scripts)}


def clear_scripts(state: SimulatorState) -> Json:
    """Remove the instructions that no request has matched."""
    with state.lock:
        state.faults.scripts.clear()
        return {"waiting": 0}


def get_scripts(state: SimulatorState) -> Json:
    """Return the number of waiting instructions."""
    with state.lock:
        return {"waiting": len(state.faults.scripts)}


def get_clock(state: SimulatorState) -> Json:
    """Return the simulated time."""
    return {"now": iso(state.now())}


def advance_clock(state: SimulatorState) -> Json:
    """Advance the simulated clock and run all due actions before the call returns."""
    seconds = json_body().get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e9:
        raise ControlError("seconds must be a number, zero or more")
    ran = state.scheduler.advance(seconds)
    return {"now": iso(state.now()), "ran": ran}


def revoke_tokens(state: SimulatorState) -> Json:
    """Invalidate every access token, as another token request does."""
    with state.lock:
        state.tokens.revoke_all()
    return {"revoked": True}


def unlock_initiator(state: SimulatorState) -> Json:
    """Unlock the initiator after 8006."""
    with state.lock:
        state.wrong_credentials = 0
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
