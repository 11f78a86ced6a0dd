"""Ends commands. `/commands` has all of them, and `/b2c` has the payouts."""

from collections.abc import Callable
from functools import partial

from daraja_simulator import command_types, commands
from daraja_simulator.callback_delivery import Attempt
from daraja_simulator.control.routes import Route, attempts_as_json, json_body, result_code_in
from daraja_simulator.errors import ControlError
from daraja_simulator.records import QUEUED, TIMED_OUT, Command, Payout
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json


def list_commands(noun: str, kind: type[Command], state: SimulatorState) -> Json:
    """Return all commands of this kind, the oldest first."""
    with state.lock:
        return {f"{noun}s": [command.as_json() for command in state.commands_of(kind)]}


def complete(noun: str, kind: type[Command], state: SimulatorState, conversation_id: str) -> Json:
    """Execute a command, or end it with `resultCode`. A command that timed out can also be completed."""
    command = _waiting(noun, kind, state, conversation_id, (QUEUED, TIMED_OUT))
    attempts = commands.complete(state, command_types.type_of(command), command, result_code_in(json_body()))
    return _done(noun, state, command, attempts)


def time_out(noun: str, kind: type[Command], state: SimulatorState, conversation_id: str) -> Json:
    """Post the request to its QueueTimeOutURL."""
    command = _waiting(noun, kind, state, conversation_id, (QUEUED,))
    return _done(noun, state, command, commands.time_out(state, command_types.type_of(command), command))


def _waiting(
    noun: str, kind: type[Command], state: SimulatorState, conversation_id: str, states: tuple[str, ...]
) -> Command:
    for command in state.commands_of(kind):
        if conversation_id in (command.originator_conversation_id, command.conversation_id):
            if command.state not in states:
                raise ControlError(f"the {noun} is already {command.state}", 409)
            return command
    raise ControlError(f"unknown {noun}", 404)


def _done(noun: str, state: SimulatorState, command: Command, attempts: list[Attempt]) -> Json:
    with state.lock:
        return {noun: command.as_json(), "callbacks": attempts_as_json(state, attempts)}


def _routes(path: str, noun: str, kind: type[Command]) -> tuple[Route, ...]:
    def bound(handler: Callable[..., Json]) -> Callable[..., Json]:
        return partial(handler, noun, kind)

    return (
        Route("GET", path, bound(list_commands)),
        Route("POST", f"{path}/<conversation_id>/complete", bound(complete)),
        Route("POST", f"{path}/<conversation_id>/timeout", bound(time_out)),
    )


ROUTES = (*_routes("/commands", "command", Command), *_routes("/b2c", "payout", Payout))
