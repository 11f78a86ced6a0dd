"""Sends refunds and payouts that a statement contradicts to review, where a person decides.

A statement contradicts one if its line shows another amount, direction or outcome, or if the statement proves
the time and has no line of it. Each one is sent to review once: what a person decided about it stays.
"""

from collections.abc import Callable
from typing import Any

from mpesa_service.commands.command import Command
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import MPESA, Cause
from mpesa_service.domain.commands import UNDER_WAY, Stage
from mpesa_service.domain.money import CENTS, shillings
from mpesa_service.domain.reports import Evidence
from mpesa_service.payouts.command import PayoutCommand
from mpesa_service.refunds.command import RefundCommand
from mpesa_service.statements.absent import absent_commands, proof_of
from mpesa_service.statements.matching import Found
from mpesa_service.statements.records import StatementRecord

MOST = 10_000
"""Of each kind, when a statement is applied once."""
_KINDS: dict[str, type[Command[Any]]] = {"refund": RefundCommand, "payout": PayoutCommand}
Reason = Callable[[Command[Any]], str | None]
"""Returns why a locked command needs a person; None if it needs none any more."""


def review_command(runtime: Runtime, line: Found) -> bool:
    """Send the refund or payout with the receipt of a line that differs to review; return whether it went."""
    if line.refund_id is not None:
        return _review(runtime, "refund", line.refund_id, lambda command: _difference(command, line))
    return _review(runtime, "payout", str(line.payout_id), lambda command: _difference(command, line))


def review_absent(runtime: Runtime, record: StatementRecord, advance: Callable[[str, int], None]) -> None:
    """Send the refunds and payouts that a statement should show, and that no statement shows, to review.

    If another statement shows one, one of the two files is wrong. The report lists it.
    """
    for one in absent_commands(runtime, record, proof_of(runtime, record), MOST):
        if one.shown_by is None and _review(runtime, one.what, one.id, _not_shown):
            advance("reviewed", 1)


def _difference(command: Command[Any], line: Found) -> str | None:
    cents = command.row.amount * CENTS
    if command.row.status == Stage.SUCCEEDED and -line.cents == cents:
        return None
    direction = "paid out" if line.cents < 0 else "paid in"
    shown = f"{shillings(abs(line.cents))} {direction} for its receipt {line.receipt}"
    return f"M-Pesa's statement shows {shown}, and the record {shillings(cents)} ({command.row.status})"


def _not_shown(command: Command[Any]) -> str | None:
    if command.row.status != Stage.SUCCEEDED:
        return None
    return f"M-Pesa's statement covers its time, and does not show its receipt {command.row.receipt}"


def _review(runtime: Runtime, what: str, command_id: str, why: Reason) -> bool:
    """Send a command to review; return whether it went. One that is in review gets a note and the reason.

    The result of a command in progress is still to come, so it stays as it is.
    """
    with runtime.database.begin() as session:
        command = _KINDS[what].lock(session, id=command_id)
        if command is None or command.row.status in UNDER_WAY:
            return False
        reason = why(command)
        if reason is None:
            return False
        cause = Cause(MPESA, runtime.clock(), Evidence.STATEMENT, {"reason": reason})
        command.row.failure_reason = f"Needs manual review: {reason}."[:512]
        if command.row.status == Stage.REVIEW:
            command.note("reported", cause)
        else:
            command.reopen(paid=command.row.status != Stage.SUCCEEDED)
            command.move("contradicted", cause)
        return True
