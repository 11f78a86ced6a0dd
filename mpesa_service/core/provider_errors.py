"""What a failed Daraja call means for the record and for the caller."""

from collections.abc import Mapping
from dataclasses import dataclass

from mpesa_service.daraja import (
    DarajaError,
    InvalidToken,
    NotSent,
    NotSetUp,
    OutcomeUnknown,
    Refused,
    SubscriberBusy,
    Throttled,
    refusal_sentence,
)
from mpesa_service.domain.commands import CommandType
from mpesa_service.errors import ProviderRefused, ServiceError, TryLater, Unavailable

PROMPT_GAP_SECONDS = 60
"""Least gap between two prompts to one phone (Safaricom's portal documentation)."""


@dataclass(frozen=True)
class Failure:
    """What is stored about a failed call: a code, a technical description, and a reason in plain words."""

    code: str | None
    description: str
    reason: str


def failure_of(error: DarajaError, command_type: CommandType | None = None) -> Failure:
    """Describe a failed call, without personal data and secrets.

    `command_type` is that of the command that was refused; None for other calls, such as a push.
    """
    if isinstance(error, Refused):
        return Failure(error.error_code[:32] or None, str(error)[:512], _refusal(error, command_type)[:512])
    if isinstance(error, OutcomeUnknown):
        return Failure(error.error_code[:32] or None, str(error)[:512], "M-Pesa's answer did not arrive.")
    return Failure(None, str(error)[:512], "M-Pesa could not be reached; nothing was sent.")


def _refusal(error: Refused, command_type: CommandType | None) -> str:
    if command_type is not None:
        return refusal_sentence(command_type, error.entry, error.error_code)
    return error.entry.say if error.entry else "M-Pesa refused the request."


def refusal_for_caller(
    error: DarajaError, details: Mapping[str, object], command_type: CommandType | None = None
) -> ServiceError:
    """Return the API's error for a call that M-Pesa certainly did not carry out; `command_type` as above."""
    if isinstance(error, SubscriberBusy) and command_type is None:
        return TryLater(
            "The customer's phone has another M-Pesa prompt open.",
            code="phone_busy",
            details=details,
            retry_after=PROMPT_GAP_SECONDS,
        )
    if isinstance(error, Throttled):
        return Unavailable(
            "M-Pesa is busy and did not accept the request. Try again shortly.",
            code="provider_busy",
            details=details,
            retry_after=int(error.retry_after or 30),
        )
    if isinstance(error, InvalidToken | NotSetUp):
        return ProviderRefused(
            "M-Pesa does not accept this service's credentials, or they are not set up. No money moved.",
            code="provider_credentials",
            details=details,
        )
    if isinstance(error, NotSent):
        return Unavailable(
            "M-Pesa cannot be reached. Nothing was sent; try again shortly.",
            code="provider_unreachable",
            details=details,
            retry_after=30,
        )
    return ProviderRefused(failure_of(error, command_type).reason, details=details)
