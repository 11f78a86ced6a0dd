"""The error of a failed call to Daraja, for the caller and for the database."""

import pytest

from mpesa_service.core.provider_errors import failure_of, refusal_for_caller
from mpesa_service.daraja import InvalidToken, NotSent, OutcomeUnknown, Refused, SubscriberBusy, Throttled


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (SubscriberBusy("busy"), 409, "phone_busy"),
        (Throttled("spike"), 503, "provider_busy"),
        (NotSent("no route"), 503, "provider_unreachable"),
        (InvalidToken("token"), 502, "provider_credentials"),
        (Refused("no", error_code="400.002.02"), 502, "provider_refused"),
    ],
)
def test_the_answer_to_the_caller(error, status: int, code: str) -> None:
    refusal = refusal_for_caller(error, {"paymentId": "p"})
    assert (refusal.status, refusal.code, refusal.details) == (
        status,
        code,
        {"paymentId": "p"},
    )


def test_the_reason_in_the_record() -> None:
    assert failure_of(Refused("no", error_code="400.002.02")).code == "400.002.02"
    assert failure_of(OutcomeUnknown("time-out")).code is None
    assert "nothing was sent" in failure_of(NotSent("no route")).reason
