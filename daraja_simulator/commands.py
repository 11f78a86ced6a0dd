"""What happens to a command after it was accepted: a time-out or a result.

This covers payouts, reversals and queries. Each has a `CommandType` that executes it and describes its
result. According to one production user (121-platform, quoting Safaricom staff), a queue time-out posts
the original request to QueueTimeOutURL. The documentation does not say so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from daraja_simulator import ids
from daraja_simulator.callback_delivery import Attempt, Callback
from daraja_simulator.errors import DarajaError
from daraja_simulator.faults import FaultPlan
from daraja_simulator.options import SimulatorOptions
from daraja_simulator.outcomes import HOLD, PAID, PAID_TEXT, Outcome, ResultCode, outcome_named
from daraja_simulator.records import COMPLETED, FAILED, QUEUED, TIMED_OUT, Command
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json

C = TypeVar("C", bound=Command)

TIMEOUT_ITEM = {
    "Key": "QueueTimeoutURL",
    "Value": "https://internalsandbox.safaricom.co.ke/mpesa/b2cresults/v1/submit",
}
"""The ReferenceItem of every result: Safaricom's own address, independent of the request."""

_WAITING_TEXTS = {0: PAID_TEXT, 1: "The service request timed out."}
"""The codes of messages with ResultType 1. The portal documents the type, and no sample was published."""


@dataclass(frozen=True, slots=True)
class CommandType(Generic[C]):
    """What differs between the kinds of commands. Its functions run while the state's lock is held."""

    callback_prefix: str
    """With the prefix `b2c`, the callbacks are `b2c_result` and `b2c_timeout`."""
    delay: Callable[[SimulatorOptions], float]
    """Seconds from acceptance to the result."""
    execute: Callable[[SimulatorState, C], ResultCode]
    """Execute the command. Return 0, or the result code of the failure."""
    details: Callable[[SimulatorState, C], Json]
    """Return ResultParameters and ReferenceData of a command that has its state and result code."""
    texts: Mapping[ResultCode, str]
    codes_are_texts: Callable[[ResultCode], bool] = lambda _code: False
    """Whether ResultType and ResultCode are texts in a result with this code."""


def choose_outcome(plan: FaultPlan, chosen: Outcome | None, auto: str) -> Outcome:
    """Return the outcome of a command: that of the script, else of number or amount, else of the option."""
    if plan.script is not None and plan.script.outcome is not None:
        return outcome_named(plan.script.outcome)
    return chosen or (PAID if auto == "pay" else HOLD)


def enqueue(state: SimulatorState, command_type: CommandType[C], command: C) -> None:
    """Queue a command. Raises DarajaError if its OriginatorConversationID was used before."""
    key, script = command.originator_conversation_id, command.plan.script
    with state.lock:
        if key in state.commands:
            raise DarajaError(500, "500.002.1001", "Duplicate OriginatorConversationID.")
        state.commands[key] = command
        if not command.outcome.hold:
            wait = command_type.delay(state.options)
            if script is not None and script.pay_after is not None:
                wait = script.pay_after
            state.scheduler.after(wait, lambda: run(state, command_type, command))
    state.log(f"{command.kind} {command.summary} queued")
    if command.plan.has("callback_before_answer"):
        run(state, command_type, command)


def run(state: SimulatorState, command_type: CommandType[C], command: C) -> list[Attempt]:
    """Give a queued command its planned outcome, and deliver the callback."""
    if command.plan.has("late_success"):
        attempts = time_out(state, command_type, command)
        state.scheduler.after(state.options.late_after, lambda: complete(state, command_type, command))
        return attempts
    if command.plan.has("queue_timeout"):
        return time_out(state, command_type, command)
    if command.plan.has("waiting_first"):
        attempts = report_waiting(state, command_type, command)
        wait = state.options.waiting_seconds
        state.scheduler.after(wait, lambda: complete(state, command_type, command))
        return attempts
    return complete(state, command_type, command)


def report_waiting(state: SimulatorState, command_type: CommandType[C], command: C) -> list[Attempt]:
    """Deliver a message with ResultType 1: more messages follow. It changes nothing."""
    with state.lock:
        if not _is_in_state(state, command, QUEUED):
            return []
        code = state.faults.generator("waiting_first code").choice(tuple(_WAITING_TEXTS))
        quoted = command_type.codes_are_texts(0)
        body = {
            "Result": {
                "ResultType": "1" if quoted else 1,
                "ResultCode": str(code) if quoted else code,
                "ResultDesc": _WAITING_TEXTS[code],
                "OriginatorConversationID": command.originator_conversation_id,
                "ConversationID": command.conversation_id,
                "TransactionID": ids.placeholder_receipt(state.now()),
            }
        }
        key, kind = command.originator_conversation_id, f"{command_type.callback_prefix}_waiting"
    state.log(f"{command.kind} {command.summary} waits for its result")
    return state.delivery.deliver(Callback(kind, key, command.result_url, body))


def complete(
    state: SimulatorState, command_type: CommandType[C], command: C, code: ResultCode | None = None
) -> list[Attempt]:
    """Execute the command, or fail it with `code`, and deliver the result."""
    with state.lock:
        if not _is_in_state(state, command, QUEUED, TIMED_OUT):
            return []
        if code is None:
            code = command.initiator_result or command.outcome.code
        if code == 0:
            code = command_type.execute(state, command)
        command.state = COMPLETED if code == 0 else FAILED
        command.result_code = code
        command.closed_at = state.now()
        body = _result(state, command_type, command, code)
        callback = _callback_of(command_type, "result", command, command.result_url, body)
    state.log(f"{command.kind} {command.summary} {command.state}, result {code}")
    return state.delivery.deliver(callback)


def time_out(state: SimulatorState, command_type: CommandType[C], command: C) -> list[Attempt]:
    """Post the request to its QueueTimeOutURL. The command is not executed."""
    with state.lock:
        if not _is_in_state(state, command, QUEUED):
            return []
        command.state = TIMED_OUT
    state.log(f"{command.kind} {command.summary} timed out in the queue")
    return state.delivery.deliver(
        _callback_of(command_type, "timeout", command, command.timeout_url, command.payload)
    )


def result_parameters(values: Mapping[str, object]) -> Json:
    """Return values as ResultParameters. None becomes a key without a value."""
    items = [{"Key": key} if value is None else {"Key": key, "Value": value} for key, value in values.items()]
    return {"ResultParameters": {"ResultParameter": items}}


def reference_data(item: Json | list[Json]) -> Json:
    """Return ReferenceData that contains an item, or a list of items."""
    return {"ReferenceData": {"ReferenceItem": item}}


def _is_in_state(state: SimulatorState, command: Command, *states: str) -> bool:
    known = state.commands.get(command.originator_conversation_id) is command
    return known and command.state in states


def _callback_of(command_type: CommandType[C], what: str, command: C, url: str, body: Json) -> Callback:
    key = command.originator_conversation_id
    return Callback(f"{command_type.callback_prefix}_{what}", key, url, body, command.plan)


def _result(state: SimulatorState, command_type: CommandType[C], command: C, code: ResultCode) -> Json:
    quoted = command_type.codes_are_texts(code)
    return {
        "Result": {
            "ResultType": "0" if quoted else 0,
            "ResultCode": str(code) if quoted else code,
            "ResultDesc": command_type.texts.get(code, "The transaction failed."),
            "OriginatorConversationID": command.originator_conversation_id,
            "ConversationID": command.conversation_id,
            "TransactionID": command.receipt or ids.placeholder_receipt(state.now()),
            **command_type.details(state, command),
        }
    }
