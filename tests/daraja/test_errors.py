"""The tree: what a caller may catch, and that errors travel."""

import pickle

import pytest

from mpesa_service.daraja import errors
from mpesa_service.daraja.error_codes import NO_PRODUCT

SURELY_NOT_DONE = (errors.NotSent, errors.Refused)


@pytest.mark.parametrize(
    "name", ["InvalidToken", "Throttled", "Duplicate", "SubscriberBusy", "AlreadyRegistered"]
)
def test_kinds_of_refusal(name):
    assert issubclass(getattr(errors, name), errors.Refused)


def test_never_completed_and_answered_no_are_kept_apart():
    assert not issubclass(errors.OutcomeUnknown, SURELY_NOT_DONE)
    assert not issubclass(errors.Refused, errors.NotSent)
    assert not issubclass(errors.NotSent, errors.Refused)


def test_every_error_has_an_outcome_of_its_own():
    classes = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.DarajaError)
    ]
    assert len({kind.outcome for kind in classes}) == len(classes) == 11


def test_an_error_can_be_pickled():
    error = errors.Throttled(
        "HTTP 429",
        operation="stk_query",
        http_status=429,
        error_code="x",
        error_message="slow",
        entry=NO_PRODUCT,
        request_id="r",
        retry_after=2.0,
    )
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is errors.Throttled
    assert vars(copy) == vars(error)
    assert str(copy) == "stk_query: HTTP 429"


def test_an_unknown_outcome_keeps_what_is_known():
    error = errors.OutcomeUnknown("x", operation="stk_push", http_status=500, error_code="c")
    assert (error.operation, error.http_status, error.error_code) == ("stk_push", 500, "c")


def test_the_text_without_an_operation():
    assert str(errors.DarajaError("plain")) == "plain"
