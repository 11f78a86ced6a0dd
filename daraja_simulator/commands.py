"""What happens to a command after it was accepted: a time-out or a result, and what it tells.

All commands go this way, those that move money and those that ask; each is a `Trade` with its own
deed and its own details. That a queue time-out posts the original request back is told by one production user
(121-platform, quoting Safaricom staff); it is not in the documentation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from daraja_simulator import ids
from daraja_simulator.courier import Attempt, Letter
from daraja_simulator.errors import DarajaError
from daraja_simulator.faults import Plan
from daraja_simulator.options import SimulatorOptions
from daraja_simulator.outcomes import HOLD, PAID, Outcome, ResultCode, named
from daraja_simulator.records import COMPLETED, FAILED, QUEUED, TIMED_OUT, Command
from daraja_simulator.wire import Json
from daraja_simulator.world import World

C = TypeVar("C", bound=Command)

TIMEOUT_ITEM = {
    "Key": "QueueTimeoutURL",
    "Value": "https://internalsandbox.safaricom.co.ke/mpesa/b2cresults/v1/submit",
}
"""What stands in ReferenceItem: an address of Safaricom's own, whatever the request said."""


@dataclass(frozen=True, slots=True)
class Trade(Generic[C]):
    """What is special about one kind of command; both functions run under the world's lock."""

    letters: str
    """`b2c`: its letters are `b2c_result` and `b2c_timeout`."""
    wait: Callable[[SimulatorOptions], float]
    """How long it takes by itself, in seconds."""
    perform: Callable[[World, C], ResultCode]
    """Do it; return 0, or the code that says why not."""
    details: Callable[[World, C], Json]
    """ResultParameters and ReferenceData, once state and result code are known."""
    texts: Mapping[ResultCode, str]
    quoted: Callable[[ResultCode], bool] = lambda _code: False
    """Whether ResultType and ResultCode are texts in a result with this code."""


def planned(plan: Plan, chosen: Outcome | None, auto: str) -> Outcome:
    """Return what will become of a command: script, then number or amount, then the option."""
    if plan.script is not None and plan.script.outcome is not None:
        return named(plan.script.outcome)
    return chosen or (PAID if auto == "pay" else HOLD)


def accept(world: World, trade: Trade[C], command: C) -> None:
    """Queue a command. Raises DarajaError when its OriginatorConversationID was used before."""
    key, script = command.originator_conversation_id, command.plan.script
    with world.lock:
        if key in world.commands:
            raise DarajaError(500, "500.002.1001", "Duplicate OriginatorConversationID.")
        world.commands[key] = command
        if not command.outcome.hold:
            wait = trade.wait(world.options)
            if script is not None and script.pay_after is not None:
                wait = script.pay_after
            world.scheduler.after(wait, lambda: act(world, trade, command))
    world.tell(f"{command.kind} {command.summary} queued")
    if command.plan.has("callback_before_answer"):
        act(world, trade, command)


def act(world: World, trade: Trade[C], command: C) -> list[Attempt]:
    """Do what was planned for a queued command, and deliver what is to be told."""
    if command.plan.has("late_success"):
        attempts = time_out(world, trade, command)
        world.scheduler.after(world.options.late_after, lambda: complete(world, trade, command))
        return attempts
    if command.plan.has("queue_timeout"):
        return time_out(world, trade, command)
    return complete(world, trade, command)


def complete(world: World, trade: Trade[C], command: C, code: ResultCode | None = None) -> list[Attempt]:
    """Carry the command out (or refuse it with `code`) and deliver the result."""
    with world.lock:
        if not _waits(world, command, QUEUED, TIMED_OUT):
            return []
        if code is None:
            code = command.refusal or command.outcome.code
        if code == 0:
            code = trade.perform(world, command)
        command.state = COMPLETED if code == 0 else FAILED
        command.result_code = code
        command.closed_at = world.now()
        body = _result(world, trade, command, code)
        letter = _letter(trade, "result", command, command.result_url, body)
    world.tell(f"{command.kind} {command.summary} {command.state}, result {code}")
    return world.courier.dispatch(letter)


def time_out(world: World, trade: Trade[C], command: C) -> list[Attempt]:
    """Send the request back to its QueueTimeOutURL; nothing is done."""
    with world.lock:
        if not _waits(world, command, QUEUED):
            return []
        command.state = TIMED_OUT
    world.tell(f"{command.kind} {command.summary} timed out in the queue")
    return world.courier.dispatch(_letter(trade, "timeout", command, command.timeout_url, command.payload))


def listed(values: Mapping[str, object]) -> Json:
    """Return values as ResultParameters; None becomes a key without a value."""
    items = [{"Key": key} if value is None else {"Key": key, "Value": value} for key, value in values.items()]
    return {"ResultParameters": {"ResultParameter": items}}


def referring(item: Json | list[Json]) -> Json:
    """Return ReferenceData around an item, or a list of them."""
    return {"ReferenceData": {"ReferenceItem": item}}


def _waits(world: World, command: Command, *states: str) -> bool:
    known = world.commands.get(command.originator_conversation_id) is command
    return known and command.state in states


def _letter(trade: Trade[C], what: str, command: C, url: str, body: Json) -> Letter:
    key = command.originator_conversation_id
    return Letter(f"{trade.letters}_{what}", key, url, body, command.plan)


def _result(world: World, trade: Trade[C], command: C, code: ResultCode) -> Json:
    quoted = trade.quoted(code)
    return {
        "Result": {
            "ResultType": "0" if quoted else 0,
            "ResultCode": str(code) if quoted else code,
            "ResultDesc": trade.texts.get(code, "The transaction failed."),
            "OriginatorConversationID": command.originator_conversation_id,
            "ConversationID": command.conversation_id,
            "TransactionID": command.receipt or ids.placeholder_receipt(world.now()),
            **trade.details(world, command),
        }
    }
