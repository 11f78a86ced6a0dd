"""What results stop further commands: a refused initiator, and the same unknown code again and again.

Every report and every answer of Daraja passes here, before it changes its command.
"""

from datetime import datetime
from typing import Any

from mpesa_service.commands.command import Command, Report
from mpesa_service.core import circuit_breaker, suspensions
from mpesa_service.daraja import CommandAccepted, DarajaError, Refused, command_result
from mpesa_service.domain.commands import UNDER_WAY, Stage
from mpesa_service.domain.reports import Evidence, Outcome


def heed_report(command: Command[Any], report: Report, now: datetime) -> None:
    """Suspend commands if a report about a locked command gives the reason."""
    if report.credential_fault:
        _suspend_initiator(command, report.result_code, report.result_desc, now)
    if report.outcome is Outcome.PAID and command.row.status in {*UNDER_WAY, Stage.REVIEW}:
        circuit_breaker.count_known(command.session, command.command_type)
    elif report.evidence is Evidence.CALLBACK and command.row.status in UNDER_WAY:
        _count(command, report.result_code, now, known=report.known_code)


def heed_answer(command: Command[Any], answer: CommandAccepted | DarajaError | None, now: datetime) -> None:
    """Suspend commands if Daraja refuses a request at once, with a code that is about the initiator.

    None stands for no answer. To accept a request is no success: its result follows.
    """
    if isinstance(answer, DarajaError) and command_result(answer.error_code).credential_fault:
        _suspend_initiator(command, answer.error_code, answer.error_message, now)


def heed_refusal(command: Command[Any], error: DarajaError, now: datetime) -> None:
    """Count the code of a first request that Daraja refused for sure.

    Throttling and a refused access token are no results, so they do not count.
    """
    if type(error) is Refused and error.error_code:
        row = command_result(error.error_code)
        _count(command, row.code, now, known=row.known or error.entry is not None)


def _count(command: Command[Any], code: str, now: datetime, *, known: bool) -> None:
    if known:
        circuit_breaker.count_known(command.session, command.command_type)
    else:
        circuit_breaker.count_unknown(command.session, command.command_type, code, now)


def _suspend_initiator(command: Command[Any], code: str, description: str, now: datetime) -> None:
    """Suspend refunds and payouts: more failures lock the API user."""
    detail = f"{code}: {description}" if description.strip() else code
    why = f"M-Pesa refuses the initiator ({detail})"
    suspensions.suspend_initiator(command.session, why, now)
