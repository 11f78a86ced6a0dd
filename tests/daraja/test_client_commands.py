"""Reversals, queries, registration and simulated payments: what the client sends and receives."""

import pytest

from mpesa_service.daraja import (
    BalanceQuery,
    NotSetUp,
    OutcomeUnknown,
    Refused,
    RegisterUrls,
    Reversal,
    SimulatedC2b,
    TransactionStatusQuery,
)
from tests.daraja.operations import (
    ACCEPTED,
    BALANCE_URL,
    C2B_URL,
    QUEUED,
    REGISTERED,
    REVERSAL_URL,
    SIMULATE_URL,
    SIMULATION,
    STATUS_URL,
    every_operation,
    sent_to,
    without,
)

from .conftest import BASE
from .test_messages import BALANCE, REVERSAL, SIMULATED, STATUS, URLS


def test_a_reversal(make_client, wire):
    wire.post(REVERSAL_URL, json=without(QUEUED, "OriginatorConversationID"))
    client = make_client(b2c_shortcode="600997")
    accepted = client.reverse(Reversal(**(REVERSAL | {"occasion": "Order 1"})))
    assert wire.last_request.json() == {
        "Initiator": "testapi",
        "SecurityCredential": "READYMADE==",
        "CommandID": "TransactionReversal",
        "TransactionID": "SG632NMUAB",
        "Amount": 10,
        "ReceiverParty": "174379",
        "RecieverIdentifierType": "11",
        "ResultURL": "https://shop.example/result/8f1c",
        "QueueTimeOutURL": "https://shop.example/late/8f1c",
        "Remarks": "Refund",
        "Occasion": "Order 1",
    }
    assert accepted.conversation_id == "AG_20210706_20106e9209f64bebd05b"
    assert accepted.originator_conversation_id == ""
    client.reverse(Reversal(**REVERSAL))
    assert "Occasion" not in wire.last_request.json()


def test_a_status_query_by_receipt(client, wire):
    wire.post(STATUS_URL, json=ACCEPTED)
    accepted = client.transaction_status(TransactionStatusQuery(**STATUS))
    assert wire.last_request.json() == {
        "Initiator": "testapi",
        "SecurityCredential": "READYMADE==",
        "CommandID": "TransactionStatusQuery",
        "TransactionID": "SG632NMUAB",
        "PartyA": "174379",
        "IdentifierType": "4",
        "ResultURL": "https://shop.example/status/8f1c",
        "QueueTimeOutURL": "https://shop.example/late/8f1c",
        "Remarks": "Status",
    }
    assert accepted.conversation_id == "AG_20240706_2010364430d9bbdaf872"
    assert accepted.originator_conversation_id == "f1e2-4b95-a71d-b30d3cdbb7a7735297"
    assert accepted.response_code == "0"
    assert accepted.response_description == "Accept the service request successfully."
    assert accepted.raw == ACCEPTED


def test_a_status_query_by_conversation(make_client, wire):
    wire.post(STATUS_URL, json=without(ACCEPTED, "OriginatorConversationID"))
    query = TransactionStatusQuery(
        result_url="https://shop.example/status/8f1c",
        timeout_url="https://shop.example/late/8f1c",
        remarks="Refund",
        occasion="Order 1",
        original_conversation_id="refund-1",
    )
    accepted = make_client(b2c_shortcode="600997").transaction_status(query)
    sent = wire.last_request.json()
    assert sent["OriginalConversationID"] == "refund-1"
    assert "TransactionID" not in sent
    assert (sent["PartyA"], sent["Remarks"], sent["Occasion"]) == ("600997", "Refund", "Order 1")
    assert accepted.originator_conversation_id == "", "the id of the payout is not that of the query"


def test_a_status_query_for_another_party(make_client, wire):
    wire.post(STATUS_URL, json=ACCEPTED)
    query = TransactionStatusQuery(**(STATUS | {"party": "600584"}))
    make_client(b2c_shortcode="600997").transaction_status(query)
    assert wire.last_request.json()["PartyA"] == "600584"


def test_a_balance_query(make_client, wire):
    wire.post(BALANCE_URL, json=without(QUEUED, "OriginatorConversationID"))
    client = make_client(b2c_shortcode="600997")
    accepted = client.account_balance(BalanceQuery(**BALANCE))
    assert wire.last_request.json() == {
        "Initiator": "testapi",
        "SecurityCredential": "READYMADE==",
        "CommandID": "AccountBalance",
        "PartyA": "600997",
        "IdentifierType": "4",
        "Remarks": "Balance",
        "QueueTimeOutURL": "https://shop.example/late/8f1c",
        "ResultURL": "https://shop.example/balance/8f1c",
    }
    assert accepted.conversation_id == "AG_20210706_20106e9209f64bebd05b"
    assert accepted.originator_conversation_id == ""
    client.account_balance(BalanceQuery(**BALANCE, party="600584", remarks="Noon"))
    sent = wire.last_request.json()
    assert (sent["PartyA"], sent["Remarks"]) == ("600584", "Noon")


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"ResponseCode": "1"}, Refused),
        ({"ResponseCode": None}, OutcomeUnknown),
        ({"ConversationID": ""}, OutcomeUnknown),
    ],
)
def test_a_status_query_that_was_not_accepted(client, wire, changes, kind):
    wire.post(STATUS_URL, json=ACCEPTED | changes)
    with pytest.raises(kind) as caught:
        client.transaction_status(TransactionStatusQuery(**STATUS))
    assert type(caught.value) is kind
    assert caught.value.operation == "transaction_status"
    assert len(sent_to(wire, STATUS_URL)) == 1


def test_a_registration(client, wire):
    wire.post(C2B_URL, json=REGISTERED)
    registered = client.register_urls(RegisterUrls(**URLS))
    assert wire.last_request.json() == {
        "ShortCode": "174379",
        "ResponseType": "Completed",
        "ConfirmationURL": "https://shop.example/confirm",
        "ValidationURL": "https://shop.example/validate",
    }
    assert registered.originator_conversation_id == "6e86-45dd-91ac-fd5d4178ab523408729"
    assert (registered.response_code, registered.response_description) == ("0", "Success")
    assert registered.raw == REGISTERED


def test_a_registration_by_the_older_version(make_client, wire):
    older = {"ConversationID": "", "OriginatorConversationID": "x-1", "ResponseDescription": "success"}
    wire.post(f"{BASE}/mpesa/c2b/v1/registerurl", json=older)
    registered = make_client(c2b_version="v1").register_urls(RegisterUrls(**URLS))
    assert (registered.response_code, registered.originator_conversation_id) == ("0", "x-1")


def test_a_simulated_payment(client, wire):
    wire.post(SIMULATE_URL, json=SIMULATION)
    accepted = client.c2b_simulate(SimulatedC2b(**SIMULATED))
    assert wire.last_request.json() == {
        "ShortCode": "174379",
        "CommandID": "CustomerPayBillOnline",
        "Amount": 5,
        "Msisdn": "254708374149",
        "BillRefNumber": "ORDER-1",
    }
    assert accepted.originator_conversation_id == "6e86-45dd-91ac-fd5d4178ab523408729"
    assert accepted.response_code == "0"
    assert accepted.response_description == "Accept the service request successfully."
    assert accepted.raw == SIMULATION


def test_a_simulated_payment_to_a_till_by_the_older_version(make_client, wire):
    wire.post(f"{BASE}/mpesa/c2b/v1/simulate", json={"ResponseCode": "0"})
    payment = SimulatedC2b(**(SIMULATED | {"bill_reference": "", "command": "CustomerBuyGoodsOnline"}))
    accepted = make_client(c2b_version="v1").c2b_simulate(payment)
    sent = wire.last_request.json()
    assert (sent["CommandID"], sent["BillRefNumber"]) == ("CustomerBuyGoodsOnline", None)
    assert (accepted.originator_conversation_id, accepted.response_description) == ("", "")


def test_production_simulates_nothing(make_client, wire):
    client = make_client(base_url="https://api.safaricom.co.ke")
    with pytest.raises(NotSetUp, match="production") as caught:
        client.c2b_simulate(SimulatedC2b(**SIMULATED))
    assert caught.value.operation == "c2b_simulate"
    assert wire.request_history == []


@every_operation
@pytest.mark.parametrize("code", ["0", "00000000", 0])
def test_every_zero_is_accepted(client, wire, method, url, good, act, code):
    wire.post(url, json=good | {"ResponseCode": code})
    assert act(client) is not None
    assert len(sent_to(wire, url)) == 1
