"""What M-Pesa posts to a command's own addresses: its result, its time-out, and the answer to a query."""

from typing import Any

from sqlalchemy.orm import Session

from mpesa_service.commands.apply_result import apply_command_report
from mpesa_service.commands.command import Command, Kinds, Report, report_of_status
from mpesa_service.core.inbox import CallbackOutcome
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import UnreadableCallback, parse_status_result
from mpesa_service.domain.audit import MPESA, Cause
from mpesa_service.domain.callbacks import CallbackKind, InboxVerdict
from mpesa_service.domain.commands import Stage
from mpesa_service.domain.reports import Evidence

UNKNOWN_ADDRESS = CallbackOutcome(InboxVerdict.UNMATCHED, "no command has this address")


def handle_result(runtime: Runtime, command: Command[Any], body: bytes) -> CallbackOutcome:
    """Apply a result that arrived on a command's own result address."""
    try:
        result = command.read(body)
    except UnreadableCallback as error:
        _query_soon(runtime, command)
        return command.handled(InboxVerdict.UNREAD, str(error))
    if not result.final:
        return _wait(runtime, command, result.report)
    if not command.recognizes(result):
        detail = {"resultCode": result.report.result_code}
        command.note("disputed", Cause(MPESA, runtime.clock(), Evidence.CALLBACK, detail))
        return command.handled(InboxVerdict.DISPUTED, f"names other ids than the {command.name}'s")
    command.row.conversation_id = command.row.conversation_id or result.conversation_id or None
    return command.handled(*apply_command_report(runtime, command, result.report))


def keep_command_unread(
    runtime: Runtime, command: Command[Any], kind: CallbackKind, reason: str
) -> CallbackOutcome:
    """Return the outcome of a callback on a command's own address that is too large to be read."""
    if kind is CallbackKind.COMMAND_RESULT:
        _query_soon(runtime, command)
    return command.handled(InboxVerdict.UNREAD, reason)


def _query_soon(runtime: Runtime, command: Command[Any]) -> None:
    """Let the schedule query M-Pesa now, if it has accepted the command. No command is sent again sooner."""
    row = command.row
    if row.status in {Stage.PENDING, Stage.UNKNOWN} and command.query_id() is not None:
        row.next_check_at = runtime.clock()


def _wait(runtime: Runtime, command: Command[Any], report: Report) -> CallbackOutcome:
    """Note a message that is not the last one: its ResultType is 1 (documented) or unknown.

    It must not settle anything, whatever its result code is. The schedule queries M-Pesa.
    """
    detail = {"resultCode": report.result_code}
    command.note("waiting", Cause(MPESA, runtime.clock(), report.evidence, detail))
    return command.handled(InboxVerdict.NOTED, "not the final result: M-Pesa sends another one")


def handle_timeout(runtime: Runtime, command: Command[Any], _body: bytes) -> CallbackOutcome:
    """M-Pesa's queue timed out: whether the money moved is unknown, and stays reserved.

    The body is the original request (reported, not documented), so it contains nothing new.
    """
    if command.row.status not in {Stage.SUBMITTING, Stage.PENDING}:
        return command.handled(InboxVerdict.NOTED, f"time-out after {command.row.status}")
    command.move("timed_out", Cause(MPESA, runtime.clock(), Evidence.CALLBACK))
    return command.handled(InboxVerdict.APPLIED, "timed out in M-Pesa's queue")


def handle_status_result(runtime: Runtime, command: Command[Any], body: bytes) -> CallbackOutcome:
    """Apply the answer to a status query about a command."""
    try:
        result = parse_status_result(body)
    except UnreadableCallback as error:  # The schedule queries again: at once, every answer could be unread.
        return command.handled(InboxVerdict.UNREAD, str(error))
    if command.amount is None:
        return command.handled(InboxVerdict.NOTED, f"the outcome of an {command.name} is not queried")
    report = report_of_status(command.name, command.amount, result)
    if not result.final:
        return _wait(runtime, command, report)
    return command.handled(*apply_command_report(runtime, command, report))


def handle_status_timeout(_runtime: Runtime, command: Command[Any], _body: bytes) -> CallbackOutcome:
    """Record that a status query timed out. It has no effect: the schedule repeats the query."""
    return command.handled(InboxVerdict.NOTED, "the query timed out")


def find_command(session: Session, kinds: Kinds, **token: str) -> Command[Any] | None:
    """Lock and return the command of any kind that has this address, or None."""
    found = (kind.lock(session, **token) for kind in kinds)
    return next((command for command in found if command is not None), None)
