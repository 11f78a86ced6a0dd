"""Stops commands that M-Pesa would refuse: the initiator lacks something that only a person can fix."""

from datetime import datetime

from sqlalchemy.orm import Session

from mpesa_service.commands.command import Report
from mpesa_service.core import suspensions
from mpesa_service.daraja import CommandAccepted, DarajaError, command_result


def heed_report(session: Session, report: Report, now: datetime) -> None:
    """Suspend the commands if a report says that M-Pesa refuses the initiator."""
    if report.credential_fault:
        _suspend(session, report.result_code, report.result_desc, now)


def heed_answer(session: Session, answer: CommandAccepted | DarajaError | None, now: datetime) -> None:
    """Suspend the commands if Daraja refuses a request at once, with a code that is about the initiator."""
    if isinstance(answer, DarajaError) and refuses_initiator(answer):
        _suspend(session, answer.error_code, answer.error_message, now)


def refuses_initiator(error: DarajaError) -> bool:
    """Return whether an error has a result code that is about the initiator."""
    return command_result(error.error_code).credential_fault


def _suspend(session: Session, code: str, description: str, now: datetime) -> None:
    """Suspend refunds and payouts: more failures lock the API user."""
    why = f"M-Pesa refuses the initiator ({code}: {description})"
    suspensions.suspend_initiator(session, why, now)
