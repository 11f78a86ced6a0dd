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
)
from mpesa_service.errors import ProviderRefused, ServiceError, TryLater, Unavailable

PROMPT_GAP_SECONDS = 60
"""Least gap between two prompts to one phone (Safaricom's portal documentation)."""


@dataclass(frozen=True)
class Failure:
    """What is stored about a failed call: a code, a technical description, and a reason in plain words."""

    code: str | None
    description: str
    reason: str


def failure_of(error: DarajaError) -> Failure:
    """Describe a failed call, without personal data and secrets."""
    if isinstance(error, Refused):
        say = error.entry.say if error.entry else "M-Pesa refused the request."
        return Failure(error.error_code[:32] or None, str(error)[:512], say[:512])
    if isinstance(error, OutcomeUnknown):
        return Failure(error.error_code[:32] or None, str(error)[:512], "M-Pesa's answer did not arrive.")
    return Failure(None, str(error)[:512], "M-Pesa could not be reached; nothing was sent.")


def refusal_for_caller(error: DarajaError, details: Mapping[str, object]) -> ServiceError:
    """Return the API's error for a call that M-Pesa certainly did not carry out."""
    if isinstance(error, SubscriberBusy):
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
    return ProviderRefused(failure_of(error).reason, details=details)
