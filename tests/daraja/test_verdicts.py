"""What an HTTP answer says about the money."""

import pytest

from mpesa_service.daraja import errors
from mpesa_service.daraja.verdicts import DarajaAnswer, judge_answer, scrub

SPIKE = {
    "fault": {
        "faultstring": "Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5, "
        "periodInMicroseconds=60000000, maxBurstMessageCount=1.0}",
        "detail": {"errorcode": "policies.ratelimit.SpikeArrestViolation"},
    }
}


def error(code, message):
    return {"requestId": "1c5b-4ba8", "errorCode": code, "errorMessage": message}


def kinds(status, body):
    """The verdict on a push and on a query."""
    answer = DarajaAnswer(status, body)
    return tuple(
        type(found).__name__ if (found := judge_answer("x", answer, reads=reads)) else None
        for reads in (False, True)
    )


@pytest.mark.parametrize(
    ("status", "body", "push", "query"),
    [
        (200, {}, None, None),
        (299, {"ResponseCode": "0"}, None, None),
        (200, None, "OutcomeUnknown", "OutcomeUnknown"),
        (200, error("404.001.03", "Invalid Access Token"), "InvalidToken", "InvalidToken"),
        (200, error("9.9", "?"), "OutcomeUnknown", "OutcomeUnknown"),
        (302, None, "OutcomeUnknown", "OutcomeUnknown"),
        (303, {}, "OutcomeUnknown", "OutcomeUnknown"),
        (400, error("9.9", "?"), "Refused", "Refused"),
        (400, error(400, "?"), "Refused", "Refused"),
        (499, error("9.9", "?"), "Refused", "Refused"),
        (400, error(True, "?"), "OutcomeUnknown", "Refused"),
        (400, error("", "?"), "OutcomeUnknown", "Refused"),
        (400, error(["400.003.01"], "?"), "OutcomeUnknown", "Refused"),
        (400, {}, "OutcomeUnknown", "Refused"),
        (499, None, "OutcomeUnknown", "Refused"),
        (403, None, "OutcomeUnknown", "Refused"),
        (429, None, "Throttled", "Throttled"),
        (429, SPIKE, "Throttled", "Throttled"),
        (500, SPIKE, "Throttled", "Throttled"),
        (500, None, "OutcomeUnknown", "OutcomeUnknown"),
        (500, {}, "OutcomeUnknown", "OutcomeUnknown"),
        (500, error("9.9", "?"), "OutcomeUnknown", "OutcomeUnknown"),
        (503, error("500.003.02", "System is busy"), "Throttled", "Throttled"),
        (500, error("500.003.03", "Quota Violation"), "Throttled", "Throttled"),
        (500, error("500.001.1001", "Internal Server Error"), *["OutcomeUnknown"] * 2),
        (500, error("500.001.1001", "The transaction is being processed"), *["OutcomeUnknown", "Refused"]),
        (500, error("500.001.1001", "The transaction does not Exist"), *["OutcomeUnknown", "Refused"]),
        (500, error("500.001.1001", "Merchant does not exist"), "Refused", "Refused"),
        (500, error("500.001.1001", "Unable to lock subscriber, a"), *["SubscriberBusy"] * 2),
        (500, error("500.002.1001", "Duplicate OriginatorConversationID."), *["Duplicate"] * 2),
        (500, error("500.002.1001", "System internal error."), *["OutcomeUnknown"] * 2),
        (500, error("500.003.1001", "Urls are already registered."), *["AlreadyRegistered"] * 2),
        (401, error("401.002.01", "Error Occurred - Invalid Access Token - x"), *["InvalidToken"] * 2),
        (400, error("400.003.01", "Invalid Access Token"), *["InvalidToken"] * 2),
        (401, error("401.003.01", "Invalid Access Token - no apiproduct match found"), *["Refused"] * 2),
        (504, {"fault": {"detail": {"errorcode": "x.Timeout"}}}, "OutcomeUnknown", "OutcomeUnknown"),
        (401, {"fault": {"faultstring": "no apiproduct match found"}}, "Refused", "Refused"),
        (500, {"fault": {"detail": "x"}}, "OutcomeUnknown", "OutcomeUnknown"),
        (200, {"fault": "x"}, None, None),
    ],
)  # fmt: skip
def test_judge(status, body, push, query):
    assert kinds(status, body) == (push, query)


def test_a_refusal_carries_everything():
    found = judge_answer(
        "stk_push", DarajaAnswer(429, SPIKE | {"requestId": "abc"}, retry_after=3.0), reads=False
    )
    assert found.operation == "stk_push"
    assert found.http_status == 429
    assert found.error_code == "policies.ratelimit.SpikeArrestViolation"
    assert found.error_message.startswith("Spike arrest violation. Allowed rate")
    assert found.entry.kind == "spike"
    assert found.request_id == "abc"
    assert found.retry_after == 3.0


def test_an_unknown_outcome_carries_status_and_code():
    found = judge_answer("stk_push", DarajaAnswer(500, error("500.001.1001", "Internal")), reads=False)
    assert str(found) == "stk_push: HTTP 500 500.001.1001 Internal"
    assert (found.http_status, found.error_code) == (500, "500.001.1001")
    page = judge_answer("stk_push", DarajaAnswer(502, None), reads=False)
    assert (page.operation, page.http_status, page.error_code) == ("stk_push", 502, "")
    empty = judge_answer("stk_push", DarajaAnswer(200, None), reads=False)
    assert (empty.operation, empty.http_status) == ("stk_push", 200)


def test_the_firewall_has_its_row():
    found = judge_answer("stk_query", DarajaAnswer(403, None), reads=True)
    assert found.entry.meaning.startswith("The firewall")
    assert (found.operation, found.http_status) == ("stk_query", 403)


def test_an_echoed_token_is_nowhere():
    token = "c9SQxWWhmdVRlyh0zh8gZDTkubVF"
    body = error("401.002.01", f"Error Occurred - Invalid Access Token - {token}")
    found = judge_answer("b2c_payment", DarajaAnswer(401, body), reads=False)
    assert isinstance(found, errors.InvalidToken)
    assert token not in repr(found) + str(found) + repr(vars(found))
    assert found.error_message == "Error Occurred - Invalid Access Token - [removed]"


def test_the_sent_token_is_removed_wherever_it_stands():
    body = error("400.1-s3cret", "see s3cret, twice: s3cret!") | {"requestId": "id-s3cret"}
    found = judge_answer("x", DarajaAnswer(400, body), reads=False, secret="s3cret")
    assert "s3cret" not in repr(vars(found)) + str(found)


def test_a_checkout_id_in_place_of_a_request_id_is_dropped():
    body = error("400.1", "?") | {"requestId": "ws_CO_230920262019337708374149"}
    assert judge_answer("x", DarajaAnswer(400, body), reads=True).request_id == ""


def test_scrub():
    assert scrub("no 254708374149 there") == "no [number] there"
    assert scrub("Amount 250000 of 12345678") == "Amount 250000 of 12345678"
    assert len(scrub("x" * 1000)) == 200
    text = "Invalid Access Token - Invalid API call as no apiproduct match found"
    assert scrub(text) == text


def test_an_answer_does_not_show_its_body():
    assert "ws_CO" not in repr(DarajaAnswer(200, {"CheckoutRequestID": "ws_CO_1"}))
