"""Ending a command by hand: `/commands` knows all of them, `/b2c` the payouts."""

from collections.abc import Callable
from functools import partial

from daraja_simulator import commands, trades
from daraja_simulator.control.common import Route, code_in, payload, sent
from daraja_simulator.courier import Attempt
from daraja_simulator.errors import ControlError
from daraja_simulator.records import QUEUED, TIMED_OUT, Command, Payout
from daraja_simulator.wire import Json
from daraja_simulator.world import World


def every(noun: str, kind: type[Command], world: World) -> Json:
    """Return all of them, oldest first."""
    with world.lock:
        return {f"{noun}s": [command.as_json() for command in world.every(kind)]}


def complete(noun: str, kind: type[Command], world: World, conversation_id: str) -> Json:
    """Carry it out, or end it with `resultCode`; it may have timed out before."""
    command = _waiting(noun, kind, world, conversation_id, (QUEUED, TIMED_OUT))
    attempts = commands.complete(world, trades.of(command), command, code_in(payload()))
    return _done(noun, world, command, attempts)


def time_out(noun: str, kind: type[Command], world: World, conversation_id: str) -> Json:
    """Send the request back on its QueueTimeOutURL."""
    command = _waiting(noun, kind, world, conversation_id, (QUEUED,))
    return _done(noun, world, command, commands.time_out(world, trades.of(command), command))


def _waiting(
    noun: str, kind: type[Command], world: World, conversation_id: str, states: tuple[str, ...]
) -> Command:
    for command in world.every(kind):
        if conversation_id in (command.originator_conversation_id, command.conversation_id):
            if command.state not in states:
                raise ControlError(f"the {noun} is {command.state}", 409)
            return command
    raise ControlError(f"no such {noun}", 404)


def _done(noun: str, world: World, command: Command, attempts: list[Attempt]) -> Json:
    with world.lock:
        return {noun: command.as_json(), "callbacks": sent(world, attempts)}


def _routes(path: str, noun: str, kind: type[Command]) -> tuple[Route, ...]:
    def bound(handler: Callable[..., Json]) -> Callable[..., Json]:
        return partial(handler, noun, kind)

    return (
        Route("GET", path, bound(every)),
        Route("POST", f"{path}/<conversation_id>/complete", bound(complete)),
        Route("POST", f"{path}/<conversation_id>/timeout", bound(time_out)),
    )


ROUTES = (*_routes("/commands", "command", Command), *_routes("/b2c", "payout", Payout))
