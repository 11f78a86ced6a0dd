"""Apply a report about a command: its result, or the answer to a status query about it."""

from typing import Any

from mpesa_service.commands.command import Command, Report
from mpesa_service.commands.moved_time import keep_time
from mpesa_service.commands.stopping import heed_report
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import MPESA, Cause
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.commands import UNDER_WAY, Stage
from mpesa_service.domain.reports import Outcome

CONFLICTING_REPORTS = "Needs manual review: M-Pesa reported both that it paid and that it did not."


def apply_command_report(runtime: Runtime, command: Command[Any], report: Report) -> tuple[InboxVerdict, str]:
    """Apply a report to a locked command; return the verdict and why."""
    cause = Cause(MPESA, runtime.clock(), report.evidence, {"resultCode": report.result_code})
    heed_report(command, report, cause.at)
    if report.outcome is Outcome.PENDING:
        return InboxVerdict.NOTED, "no result yet"
    if command.row.status not in UNDER_WAY:
        return command.handle_late_report(report, cause) or _after_completion(command, report, cause)
    command.row.result_code = report.result_code
    command.row.result_desc = report.result_desc[:1024]
    reason = command.inconclusive_reason(report)
    if reason is not None:
        command.note("inconclusive", cause)
        return InboxVerdict.NOTED, reason
    _conclude(runtime, command, report, cause)
    return InboxVerdict.APPLIED, command.done if report.outcome is Outcome.PAID else str(report.outcome)


def _conclude(runtime: Runtime, command: Command[Any], report: Report, cause: Cause) -> None:
    objection = _objection(command, report)
    if objection is not None:
        command.row.failure_reason = f"Needs manual review: M-Pesa's result {objection}."
        command.move("contradicted", cause)
    elif report.outcome is Outcome.PAID:
        command.keep(runtime, report)
        keep_time(command.row, report, cause)
        command.settle(report, cause)
    elif report.outcome is Outcome.FAILED:
        command.release(report.reason, "declined", cause)
    else:
        command.row.failure_reason = f"Needs manual review: {report.reason}"[:512]
        command.move("unclear", cause)


def _objection(command: Command[Any], report: Report) -> str | None:
    """Say in what a result on the command's own address disagrees with it, if in anything."""
    if report.outcome is not Outcome.PAID:
        return None
    if report.amount_differs:
        return "names another amount"
    if report.receipt is not None and command.receipt_taken(report.receipt):
        return f"names the receipt of another {command.name}"
    return None


def _after_completion(command: Command[Any], report: Report, cause: Cause) -> tuple[InboxVerdict, str]:
    """Handle a second result. The same result changes nothing; the opposite needs manual review."""
    paid = report.outcome is Outcome.PAID
    if command.row.status == Stage.REVIEW:
        if paid and report.receipt is not None:
            command.keep_receipt(report.receipt)
            keep_time(command.row, report, cause)
        command.note("reported", cause)
        return InboxVerdict.NOTED, f"{report.outcome}; a person decides"
    if paid == (command.row.status == Stage.SUCCEEDED):
        return InboxVerdict.DUPLICATE, "repeats what is already known"
    command.reopen(paid=paid)
    command.row.failure_reason = CONFLICTING_REPORTS
    command.move("contradicted", cause)
    return InboxVerdict.DISPUTED, "contradicts the first result"
