"""What the client makes of responses that refuse, say nothing, or name no result."""

import pytest

from mpesa_service.daraja import (
    AlreadyRegistered,
    B2cPayment,
    Duplicate,
    OutcomeUnknown,
    Refused,
    StkPush,
    SubscriberBusy,
    Throttled,
)
from mpesa_service.domain.reports import Outcome
from tests.daraja.operations import (
    B2C_URL,
    C2B_URL,
    ID,
    OPERATIONS,
    POCHI_URL,
    PUSH_URL,
    PUSHED,
    QUERIED,
    QUERY_URL,
    QUEUED,
    error,
    every_mover,
    sent_to,
    without,
)

from .test_messages import PAYMENT, PUSH


@every_mover
def test_a_response_code_that_says_no(client, wire, method, url, good, act):
    wire.post(url, json=good | {"ResponseCode": "1", "ResponseDescription": "Rejected 254708374149"})
    with pytest.raises(Refused) as caught:
        act(client)
    assert type(caught.value) is Refused
    assert (caught.value.http_status, caught.value.error_code) == (200, "1")
    assert caught.value.error_message == "Rejected [number]"
    assert caught.value.entry is None
    assert caught.value.operation in {
        *("stk_push", "b2c_payment", "register_urls", "reverse", "b2pochi_payment", "b2b_payment"),
        "c2b_simulate",
    }
    assert len(sent_to(wire, url)) == 1


@every_mover
@pytest.mark.parametrize("code", [None, True, 0.5, [], {}, "", 10**40])
def test_a_response_code_that_says_nothing(client, wire, method, url, good, act, code):
    body = {**good, "ResponseCode": code}
    if url == C2B_URL:
        body["ResponseDescription"] = "Done?"
    wire.post(url, json=body)
    with pytest.raises(OutcomeUnknown) as caught:
        act(client)
    assert caught.value.http_status == 200
    assert len(sent_to(wire, url)) == 1


@pytest.mark.parametrize("value", [None, "", " ", 5, True, [], {}, "x" * 129])
def test_a_push_without_an_id_may_have_been_made(client, wire, value):
    wire.post(PUSH_URL, json=PUSHED | {"CheckoutRequestID": value})
    with pytest.raises(OutcomeUnknown, match="CheckoutRequestID"):
        client.stk_push(StkPush(**PUSH))


@pytest.mark.parametrize("key", ["MerchantRequestID", "ResponseDescription", "CustomerMessage"])
def test_a_push_may_lack_the_rest_but_not_in_another_type(client, wire, key):
    wire.post(PUSH_URL, json=without(PUSHED, key))
    client.stk_push(StkPush(**PUSH))
    wire.post(PUSH_URL, json=PUSHED | {key: 1})
    with pytest.raises(OutcomeUnknown, match=key):
        client.stk_push(StkPush(**PUSH))


def test_texts_are_cut_and_ids_are_not(client, wire):
    longest = "x" * 128
    wire.post(PUSH_URL, json=PUSHED | {"CheckoutRequestID": longest, "CustomerMessage": "y" * 2000})
    accepted = client.stk_push(StkPush(**PUSH))
    assert accepted.checkout_request_id == longest
    assert len(accepted.customer_message) == 1024


def test_a_payout_without_a_conversation_id_may_have_been_made(client, wire):
    wire.post(B2C_URL, json=without(QUEUED, "ConversationID"))
    with pytest.raises(OutcomeUnknown, match="ConversationID"):
        client.b2c_payment(B2cPayment(**PAYMENT))


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({"ResultCode": "1032"}, Outcome.CANCELED),
        ({"ResultCode": 1037}, Outcome.FAILED),
        ({"ResultCode": "SFC_IC0003"}, Outcome.FAILED),
        ({"ResultCode": "4999"}, Outcome.PENDING),
        ({"ResultCode": "31337"}, Outcome.UNCLEAR),
        ({"ResultCode": True}, Outcome.UNCLEAR),
        ({"ResultCode": ""}, None),
        ({"ResultCode": None}, None),
        ({"ResponseCode": "1"}, None),
        ({"ResponseCode": None}, None),
    ],
)
def test_verdicts_of_a_query(client, wire, changes, outcome):
    wire.post(QUERY_URL, json=QUERIED | changes)
    result = client.stk_query(ID).result
    assert (result.outcome if result else None) == outcome


@pytest.mark.parametrize("other", ["ws_CO_1", None, 5])
def test_a_verdict_on_another_payment_is_none_on_ours(client, wire, other):
    wire.post(QUERY_URL, json=QUERIED | {"CheckoutRequestID": other})
    with pytest.raises(OutcomeUnknown, match="CheckoutRequestID"):
        client.stk_query(ID)


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (500, "The transaction is being processed", "pending"),
        (500, "The transaction does not Exist", "unknown_id"),
    ],
)
def test_a_query_without_information(client, wire, status, message, kind):
    wire.post(QUERY_URL, status_code=status, json=error("500.001.1001", message))
    with pytest.raises(Refused) as caught:
        client.stk_query(ID)
    assert (caught.value.entry.kind, caught.value.entry.final) == (kind, False)
    assert len(sent_to(wire, QUERY_URL)) == 1


@pytest.mark.parametrize(
    ("url", "act", "status", "body", "kind"),
    [
        (
            PUSH_URL,
            OPERATIONS[0].values[3],
            500,
            error("500.001.1001", "Unable to lock subscriber, a transaction is already in process"),
            SubscriberBusy,
        ),
        (
            B2C_URL,
            OPERATIONS[2].values[3],
            500,
            error("500.002.1001", "Duplicate OriginatorConversationID."),
            Duplicate,
        ),
        (
            POCHI_URL,
            OPERATIONS[7].values[3],
            500,
            error("500.002.1001", "Duplicate OriginatorConversationID."),
            Duplicate,
        ),
        (
            C2B_URL,
            OPERATIONS[3].values[3],
            500,
            error("500.003.1001", "Urls are already registered."),
            AlreadyRegistered,
        ),
        (
            C2B_URL,
            OPERATIONS[3].values[3],
            200,
            {"ResponseCode": "0", "ResponseDescription": "Duplicate notification info, SP ID is 1"},
            AlreadyRegistered,
        ),
        (
            C2B_URL,
            OPERATIONS[3].values[3],
            500,
            error("500.003.1001", "Duplicate notification info, SP ID is 1, correlator is 2"),
            AlreadyRegistered,
        ),
        (
            C2B_URL,
            OPERATIONS[3].values[3],
            200,
            {
                "ConversationID": "",
                "ResponseDescription": "Validation and Confirmation URLs are already registered",
            },
            AlreadyRegistered,
        ),
        (PUSH_URL, OPERATIONS[0].values[3], 400, error("400.002.02", "Invalid Amount"), Refused),
        (PUSH_URL, OPERATIONS[0].values[3], 500, error("500.003.03", "Quota Violation"), Throttled),
    ],
)
def test_refusals_are_typed_and_not_repeated(client, wire, clock, url, act, status, body, kind):
    wire.post(url, status_code=status, json=body)
    with pytest.raises(kind) as caught:
        act(client)
    assert type(caught.value) is kind
    assert len(sent_to(wire, url)) == 1
    assert clock.naps == []
