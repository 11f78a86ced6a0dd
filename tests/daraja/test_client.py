"""The client against the wire format: what is sent, what is read, and what is never sent twice."""

import threading
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
import requests

from mpesa_service.daraja import (
    AlreadyRegistered,
    B2bPayment,
    B2cPayment,
    BalanceQuery,
    DarajaClient,
    Duplicate,
    InMemoryTokenStore,
    InvalidToken,
    NotSent,
    NotSetUp,
    OutcomeUnknown,
    Refused,
    RegisterUrls,
    Reversal,
    SimulatedC2b,
    StkPush,
    SubscriberBusy,
    Throttled,
    Token,
    TransactionStatusQuery,
)
from mpesa_service.domain.reports import Outcome

from .conftest import BASE, TOKEN_URL, make_settings
from .test_messages import BALANCE, BUSINESS, GOODS, PAYMENT, PUSH, REVERSAL, SIMULATED, STATUS, URLS

PUSH_URL = f"{BASE}/mpesa/stkpush/v1/processrequest"
QUERY_URL = f"{BASE}/mpesa/stkpushquery/v1/query"
B2C_URL = f"{BASE}/mpesa/b2c/v3/paymentrequest"
POCHI_URL = f"{BASE}/mpesa/b2pochi/v1/paymentrequest"
B2B_URL = f"{BASE}/mpesa/b2b/v1/paymentrequest"
REVERSAL_URL = f"{BASE}/mpesa/reversal/v1/request"
STATUS_URL = f"{BASE}/mpesa/transactionstatus/v1/query"
BALANCE_URL = f"{BASE}/mpesa/accountbalance/v1/query"
C2B_URL = f"{BASE}/mpesa/c2b/v2/registerurl"
SIMULATE_URL = f"{BASE}/mpesa/c2b/v2/simulate"
ID = "ws_CO_13012021093521236557"
PASSWORD = (
    "MTc0Mzc5YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJhZGEx"
    "ZWQyYzkxOTIwMjEwNjI4MDkyNDA4"
)

PUSHED = {
    "MerchantRequestID": "2654-4b64-97ff-b827b542881d3130",
    "CheckoutRequestID": "ws_CO_1007202409152617172396192",
    "ResponseCode": "0",
    "ResponseDescription": "Success. Request accepted for processing",
    "CustomerMessage": "Success. Request accepted for processing",
}
QUERIED = {
    "ResponseCode": "0",
    "ResponseDescription": "The service request has been accepted successfully",
    "MerchantRequestID": "22205-34066-1",
    "CheckoutRequestID": ID,
    "ResultCode": "0",
    "ResultDesc": "The service request is processed successfully.",
}
QUEUED = {
    "OriginatorConversationID": "f1e2-4b95-a71d-b30d3cdbb7a7735297",
    "ConversationID": "AG_20210706_20106e9209f64bebd05b",
    "ResponseCode": "0",
    "ResponseDescription": "Accept the service request successfully.",
}
ACCEPTED = QUEUED | {"ConversationID": "AG_20240706_2010364430d9bbdaf872"}
REGISTERED = {
    "OriginatorCoversationID": "6e86-45dd-91ac-fd5d4178ab523408729",
    "ResponseCode": "0",
    "ResponseDescription": "Success",
}
SIMULATION = REGISTERED | {"ResponseDescription": "Accept the service request successfully."}
SPIKE = {
    "fault": {
        "faultstring": "Spike arrest violation.",
        "detail": {"errorcode": "policies.ratelimit.SpikeArrestViolation"},
    }
}


def error(code, message):
    return {"requestId": "1c5b-4ba8-815c-ac45c57a3db01495926", "errorCode": code, "errorMessage": message}


BAD_TOKENS = [
    (404, error("404.001.03", "Invalid Access Token")),
    (400, error("400.003.01", "Invalid Access Token")),
    (401, error("401.002.01", "Error Occurred - Invalid Access Token - token-1")),
]

OPERATIONS = [
    pytest.param("POST", PUSH_URL, PUSHED, lambda c: c.stk_push(StkPush(**PUSH)), id="push"),
    pytest.param("POST", QUERY_URL, QUERIED, lambda c: c.stk_query(ID), id="query"),
    pytest.param("POST", B2C_URL, QUEUED, lambda c: c.b2c_payment(B2cPayment(**PAYMENT)), id="b2c"),
    pytest.param("POST", C2B_URL, REGISTERED, lambda c: c.register_urls(RegisterUrls(**URLS)), id="c2b"),
    pytest.param(
        "POST",
        STATUS_URL,
        ACCEPTED,
        lambda c: c.transaction_status(TransactionStatusQuery(**STATUS)),
        id="status",
    ),
    pytest.param("POST", REVERSAL_URL, QUEUED, lambda c: c.reverse(Reversal(**REVERSAL)), id="reverse"),
    pytest.param(
        "POST", BALANCE_URL, QUEUED, lambda c: c.account_balance(BalanceQuery(**BALANCE)), id="balance"
    ),
    pytest.param("POST", POCHI_URL, QUEUED, lambda c: c.b2pochi_payment(B2cPayment(**PAYMENT)), id="pochi"),
    pytest.param("POST", B2B_URL, QUEUED, lambda c: c.b2b_payment(B2bPayment(**BUSINESS)), id="b2b"),
    pytest.param(
        "POST", SIMULATE_URL, SIMULATION, lambda c: c.c2b_simulate(SimulatedC2b(**SIMULATED)), id="simulate"
    ),
]
READS = [OPERATIONS[1], OPERATIONS[4], OPERATIONS[6]]
MOVERS = [operation for operation in OPERATIONS if operation not in READS]
every_operation = pytest.mark.parametrize(("method", "url", "good", "act"), OPERATIONS)
every_read = pytest.mark.parametrize(("method", "url", "good", "act"), READS)
every_mover = pytest.mark.parametrize(("method", "url", "good", "act"), MOVERS)


def sent_to(wire, url):
    return [request for request in wire.request_history if request.url == url]


def without(body, *keys):
    return {key: value for key, value in body.items() if key not in keys}


# --- what is sent, what is read -------------------------------------------------------------


def test_the_token_request(client, wire):
    wire.post(PUSH_URL, json=PUSHED)
    client.stk_push(StkPush(**PUSH))
    authorized, pushed = wire.request_history
    assert (authorized.method, authorized.url) == ("GET", TOKEN_URL)
    scheme, pair = authorized.headers["Authorization"].split()
    assert (scheme, b64decode(pair)) == ("Basic", b"the-key:the-secret")
    assert pushed.headers["Authorization"] == "Bearer token-1"
    assert pushed.headers["Content-Type"] == "application/json"


def test_a_push(client, wire):
    wire.post(PUSH_URL, json=PUSHED)
    accepted = client.stk_push(StkPush(**PUSH))
    assert wire.last_request.json() == {
        "BusinessShortCode": "174379",
        "Password": PASSWORD,
        "Timestamp": "20210628092408",
        "TransactionType": "CustomerPayBillOnline",
        "Amount": 1,
        "PartyA": "254708374149",
        "PartyB": "174379",
        "PhoneNumber": "254708374149",
        "CallBackURL": "https://shop.example/paid/8f1c",
        "AccountReference": "ORDER-1",
        "TransactionDesc": "Shoes",
    }
    assert accepted.merchant_request_id == "2654-4b64-97ff-b827b542881d3130"
    assert accepted.checkout_request_id == "ws_CO_1007202409152617172396192"
    assert accepted.response_code == "0"
    assert accepted.response_description == "Success. Request accepted for processing"
    assert accepted.customer_message == "Success. Request accepted for processing"
    assert accepted.raw == PUSHED
    assert "ws_CO" not in repr(accepted)


def test_a_push_to_a_till(make_client, wire):
    wire.post(PUSH_URL, json=PUSHED)
    make_client(transaction_type="CustomerBuyGoodsOnline", till="5678").stk_push(StkPush(**PUSH))
    sent = wire.last_request.json()
    assert sent["TransactionType"] == "CustomerBuyGoodsOnline"
    assert (sent["BusinessShortCode"], sent["PartyB"]) == ("174379", "5678")


def test_a_query(client, wire):
    wire.post(QUERY_URL, json=QUERIED)
    answer = client.stk_query(ID)
    assert wire.last_request.json() == {
        "BusinessShortCode": "174379",
        "Password": PASSWORD,
        "Timestamp": "20210628092408",
        "CheckoutRequestID": ID,
    }
    assert answer.result.outcome is Outcome.PAID
    assert answer.result_desc == "The service request is processed successfully."
    assert answer.raw == QUERIED


def test_a_payout(client, wire):
    wire.post(B2C_URL, json=QUEUED)
    accepted = client.b2c_payment(B2cPayment(**(PAYMENT | {"occasion": "Order 1"})))
    assert wire.last_request.json() == {
        "OriginatorConversationID": "refund-1",
        "InitiatorName": "testapi",
        "SecurityCredential": "READYMADE==",
        "CommandID": "BusinessPayment",
        "Amount": 10,
        "PartyA": "174379",
        "PartyB": "254114669532",
        "Remarks": "Refund",
        "QueueTimeOutURL": "https://shop.example/late/8f1c",
        "ResultURL": "https://shop.example/result/8f1c",
        "Occassion": "Order 1",
    }
    assert accepted.conversation_id == "AG_20210706_20106e9209f64bebd05b"
    assert accepted.originator_conversation_id == "f1e2-4b95-a71d-b30d3cdbb7a7735297"
    assert accepted.response_code == "0"
    assert accepted.response_description == "Accept the service request successfully."
    assert accepted.raw == QUEUED


def test_a_payout_by_the_older_version(make_client, wire):
    wire.post(f"{BASE}/mpesa/b2c/v1/paymentrequest", json=QUEUED)
    client = make_client(b2c_version="v1", b2c_command="SalaryPayment", b2c_shortcode="600997")
    client.b2c_payment(B2cPayment(**PAYMENT))
    sent = wire.last_request.json()
    assert "OriginatorConversationID" not in sent
    assert "Occassion" not in sent
    assert (sent["CommandID"], sent["PartyA"]) == ("SalaryPayment", "600997")


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_a_payout_may_have_a_command_of_its_own(make_client, wire, version):
    wire.post(f"{BASE}/mpesa/b2c/{version}/paymentrequest", json=QUEUED)
    payment = B2cPayment(**PAYMENT, command="SalaryPayment")
    make_client(b2c_version=version, b2c_command="PromotionPayment").b2c_payment(payment)
    assert wire.last_request.json()["CommandID"] == "SalaryPayment"


@pytest.mark.parametrize("version", ["v1", "v3"])
def test_a_payout_to_a_pochi(make_client, wire, version):
    wire.post(POCHI_URL, json=without(QUEUED, "OriginatorConversationID"))
    payment = B2cPayment(**(PAYMENT | {"command": "SalaryPayment", "occasion": "Order 1"}))
    accepted = make_client(b2c_version=version, b2c_shortcode="600997").b2pochi_payment(payment)
    assert wire.last_request.json() == {
        "OriginatorConversationID": "refund-1",
        "InitiatorName": "testapi",
        "SecurityCredential": "READYMADE==",
        "CommandID": "BusinessPayToPochi",
        "Amount": 10,
        "PartyA": "600997",
        "PartyB": "254114669532",
        "Remarks": "Refund",
        "QueueTimeOutURL": "https://shop.example/late/8f1c",
        "ResultURL": "https://shop.example/result/8f1c",
        "Occassion": "Order 1",
    }
    assert accepted.conversation_id == "AG_20210706_20106e9209f64bebd05b"
    assert accepted.originator_conversation_id == "refund-1"


def test_a_payment_to_a_pay_bill(make_client, wire):
    wire.post(B2B_URL, json=QUEUED)
    payment = B2bPayment(**(BUSINESS | {"requester": "254708374149", "occasion": "May"}))
    accepted = make_client(b2c_shortcode="600997").b2b_payment(payment)
    assert wire.last_request.json() == {
        "Initiator": "testapi",
        "SecurityCredential": "READYMADE==",
        "CommandID": "BusinessPayBill",
        "SenderIdentifierType": "4",
        "RecieverIdentifierType": "4",
        "Amount": 190,
        "PartyA": "600997",
        "PartyB": "600000",
        "AccountReference": "353353",
        "Requester": "254708374149",
        "Remarks": "Rent",
        "QueueTimeOutURL": "https://shop.example/late/8f1c",
        "ResultURL": "https://shop.example/result/8f1c",
        "Occassion": "May",
    }
    assert accepted.conversation_id == "AG_20210706_20106e9209f64bebd05b"
    assert accepted.originator_conversation_id == "f1e2-4b95-a71d-b30d3cdbb7a7735297"


def test_a_payment_to_a_till(client, wire):
    wire.post(B2B_URL, json=without(QUEUED, "OriginatorConversationID"))
    accepted = client.b2b_payment(B2bPayment(**(GOODS | {"account_reference": ""})))
    sent = wire.last_request.json()
    assert (sent["CommandID"], sent["PartyA"]) == ("BusinessBuyGoods", "174379")
    assert not {"AccountReference", "Requester", "Occassion"} & set(sent)
    assert accepted.originator_conversation_id == ""


def test_our_id_stands_in_for_one_that_is_not_echoed(client, wire):
    wire.post(B2C_URL, json=without(QUEUED, "OriginatorConversationID"))
    accepted = client.b2c_payment(B2cPayment(**PAYMENT))
    assert accepted.originator_conversation_id == "refund-1"


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


# --- answers that say no, or nothing ---------------------------------------------------------


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
@pytest.mark.parametrize("code", [None, True, 0.0, [], {}, "", 10**40])
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


# --- sending again ----------------------------------------------------------------------------


@every_operation
@pytest.mark.parametrize(("status", "body"), BAD_TOKENS)
def test_a_refused_token_is_renewed_once(client, wire, method, url, good, act, status, body):
    wire.post(url, [{"status_code": status, "json": body}, {"json": good}])
    act(client)
    bearers = [request.headers["Authorization"] for request in sent_to(wire, url)]
    assert bearers == ["Bearer token-1", "Bearer token-2"]
    assert len(sent_to(wire, TOKEN_URL)) == 2


@every_operation
@pytest.mark.parametrize(("status", "body"), BAD_TOKENS)
def test_and_only_once(client, wire, clock, method, url, good, act, status, body):
    wire.post(url, status_code=status, json=body)
    with pytest.raises(InvalidToken) as caught:
        act(client)
    assert len(sent_to(wire, url)) == 2
    assert len(sent_to(wire, TOKEN_URL)) == 2
    assert clock.naps == []
    assert "token-1" not in repr(vars(caught.value)) + str(caught.value)


@every_operation
def test_a_missing_product_is_not_a_bad_token(client, wire, method, url, good, act):
    text = "Error Occurred - Invalid Access Token - Invalid API call as no apiproduct match found"
    wire.post(url, status_code=401, json=error("401.003.01", text))
    with pytest.raises(Refused) as caught:
        act(client)
    assert not isinstance(caught.value, InvalidToken)
    assert len(sent_to(wire, TOKEN_URL)) == 1


@every_operation
def test_a_spike_arrest_is_waited_out(client, wire, clock, method, url, good, act):
    wire.post(
        url,
        [
            {"status_code": 429, "json": SPIKE},
            {"status_code": 500, "json": error("500.003.02", "Spike Arrest Violation")},
            {"json": good},
        ],
    )
    act(client)
    assert len(sent_to(wire, url)) == 3
    assert len(clock.naps) == 2
    assert 0.5 <= clock.naps[0] <= 1.0 <= clock.naps[1] <= 2.0


@every_operation
def test_but_not_for_ever(client, wire, clock, method, url, good, act):
    wire.post(url, status_code=429, json=SPIKE)
    with pytest.raises(Throttled):
        act(client)
    assert len(sent_to(wire, url)) == 3
    assert sum(clock.naps) <= 4.0


def test_the_provider_says_how_long(client, wire, clock):
    wire.post(
        PUSH_URL,
        [{"status_code": 429, "json": SPIKE, "headers": {"Retry-After": "2"}}, {"json": PUSHED}],
    )
    client.stk_push(StkPush(**PUSH))
    assert clock.naps == [2.0]


def test_the_provider_says_too_long(client, wire, clock):
    wire.post(PUSH_URL, status_code=429, json=SPIKE, headers={"Retry-After": "60"})
    with pytest.raises(Throttled) as caught:
        client.stk_push(StkPush(**PUSH))
    assert caught.value.retry_after == 60.0
    assert clock.naps == []


UNKNOWN = [
    pytest.param({"exc": requests.ReadTimeout}, id="read-time-out"),
    pytest.param({"exc": requests.ConnectionError}, id="reset"),
    pytest.param({"status_code": 500, "text": ""}, id="empty-500"),
    pytest.param({"status_code": 502, "text": "<html>"}, id="html-502"),
    pytest.param({"status_code": 403, "text": "<html>Incapsula"}, id="firewall"),
    pytest.param({"status_code": 200, "text": "<html>"}, id="html-200"),
    pytest.param({"status_code": 200, "text": ""}, id="empty-200"),
    pytest.param({"status_code": 500, "json": error("500.001.1001", "Internal Server Error")}, id="internal"),
    pytest.param(
        {"status_code": 500, "json": error("500.001.1001", "The transaction is being processed")},
        id="processed",
    ),
]


@every_mover
@pytest.mark.parametrize("answer", UNKNOWN)
def test_what_may_have_moved_money_is_never_repeated(client, wire, clock, method, url, good, act, answer):
    wire.post(url, [answer, {"json": good}])
    with pytest.raises(OutcomeUnknown):
        act(client)
    assert len(sent_to(wire, url)) == 1
    assert clock.naps == []


@every_mover
def test_nor_what_never_left(client, wire, clock, method, url, good, act):
    wire.post(url, exc=requests.ConnectTimeout)
    with pytest.raises(NotSent):
        act(client)
    assert len(sent_to(wire, url)) == 1


@every_read
@pytest.mark.parametrize("failure", [requests.ReadTimeout, requests.ConnectTimeout])
def test_a_read_is_repeated(client, wire, clock, method, url, good, act, failure):
    wire.post(url, [{"exc": failure}, {"status_code": 502}, {"json": good}])
    assert act(client).raw == good
    assert len(sent_to(wire, url)) == 3
    assert len(clock.naps) == 2


@every_read
def test_a_read_is_repeated_twice_at_most(client, wire, method, url, good, act):
    wire.post(url, exc=requests.ReadTimeout)
    with pytest.raises(OutcomeUnknown):
        act(client)
    assert len(sent_to(wire, url)) == 3


@every_read
def test_a_refused_read_is_not_repeated(client, wire, clock, method, url, good, act):
    wire.post(url, status_code=400, json=error("400.002.02", "Bad Request - Invalid TransactionID"))
    with pytest.raises(Refused):
        act(client)
    assert len(sent_to(wire, url)) == 1
    assert clock.naps == []


@every_read
def test_a_slow_read_is_not_repeated(client, wire, clock, method, url, good, act):
    def slow(request, context):
        clock.forward(10)
        context.status_code = 504
        return ""

    wire.post(url, text=slow)
    with pytest.raises(OutcomeUnknown):
        act(client)
    assert len(sent_to(wire, url)) == 1


def test_each_sending_has_a_timestamp_of_its_own(client, wire, clock):
    wire.post(PUSH_URL, [{"status_code": 429, "json": SPIKE}, {"json": PUSHED}])
    clock.now = datetime(2021, 6, 28, 6, 24, 8, 900000, tzinfo=UTC)
    client.stk_push(StkPush(**PUSH))
    stamps = [request.json()["Timestamp"] for request in sent_to(wire, PUSH_URL)]
    assert stamps == ["20210628092408", "20210628092409"]


# --- tokens -----------------------------------------------------------------------------------


def test_the_token_is_kept_and_renewed_in_time(client, wire, clock):
    wire.post(QUERY_URL, json=QUERIED)
    client.stk_query(ID)
    clock.forward(3599 - 61)
    client.stk_query(ID)
    assert len(sent_to(wire, TOKEN_URL)) == 1
    clock.forward(1)
    client.stk_query(ID)
    assert len(sent_to(wire, TOKEN_URL)) == 2


def test_the_life_of_a_token_is_counted_from_the_request(client, wire, clock):
    def slow(request, context):
        clock.forward(5)
        return {"access_token": "slow", "expires_in": "3599"}

    wire.get(TOKEN_URL, json=slow)
    wire.post(QUERY_URL, json=QUERIED)
    client.stk_query(ID)
    assert wire.last_request.headers["Authorization"] == "Bearer slow"
    clock.forward(3599 - 5 - 60)
    client.stk_query(ID)
    assert len(sent_to(wire, TOKEN_URL)) == 2


def test_a_shared_store_is_used(wire, clock):
    store = InMemoryTokenStore(clock)
    store.save(Token("shared", clock() + timedelta(hours=1)))
    client = DarajaClient(make_settings(), store, clock)
    wire.post(QUERY_URL, json=QUERIED)
    client.stk_query(ID)
    client.close()
    assert wire.last_request.headers["Authorization"] == "Bearer shared"
    assert len(wire.request_history) == 1


def test_closing_closes_the_session(clock):
    session = mock.Mock()
    DarajaClient(make_settings(), session=session).close()
    assert session.mock_calls == [mock.call.close()]


@pytest.mark.parametrize(
    "answer",
    [
        {"status_code": 400, "json": error("400.008.01", "Invalid Authentication passed")},
        {"status_code": 400, "text": ""},
        {"status_code": 403, "text": "<html>"},
        {"status_code": 200, "text": ""},
        {"exc": requests.ConnectTimeout},
        {"exc": requests.ReadTimeout},
        *(
            {"json": {"access_token": token, "expires_in": life}}
            for token, life in [
                (None, 3599),
                ("", 3599),
                ("a b", 3599),
                ("a\nb", 3599),
                ("x" * 2049, 3599),
                (5, 3599),
                ("t", None),
                ("t", 0),
                ("t", -1),
                ("t", "soon"),
                ("t", True),
                ("t", 86401),
                ("t", 3599.5),
            ]
        ),
    ],
)
def test_without_a_token_nothing_is_sent(client, wire, answer):
    wire.get(TOKEN_URL, [answer])
    wire.post(PUSH_URL, json=PUSHED)
    with pytest.raises(NotSent, match="oauth: no access token"):
        client.stk_push(StkPush(**PUSH))
    assert sent_to(wire, PUSH_URL) == []


@pytest.mark.parametrize("life", [1, "86400"])
def test_lives_at_the_limits(client, wire, life):
    wire.get(TOKEN_URL, json={"access_token": "x" * 2048, "expires_in": life})
    wire.post(PUSH_URL, json=PUSHED)
    client.stk_push(StkPush(**PUSH))
    assert wire.last_request.headers["Authorization"] == f"Bearer {'x' * 2048}"


def test_the_token_request_is_a_read(client, wire, clock):
    good = {"access_token": "t", "expires_in": 3599}
    wire.get(TOKEN_URL, [{"exc": requests.ConnectionError}, {"status_code": 503}, {"json": good}])
    wire.post(PUSH_URL, json=PUSHED)
    client.stk_push(StkPush(**PUSH))
    assert len(clock.naps) == 2


def test_a_renewal_that_fails_leaves_a_refused_push_unsent(client, wire):
    wire.post(PUSH_URL, status_code=404, json=BAD_TOKENS[0][1])
    good = {"access_token": "t", "expires_in": 3599}
    wire.get(TOKEN_URL, [{"json": good}, {"status_code": 400}])
    with pytest.raises(NotSent):
        client.stk_push(StkPush(**PUSH))


def test_threads_share_one_token(wire):
    client = DarajaClient(make_settings())
    wire.post(QUERY_URL, json=QUERIED)
    found = []
    threads = [threading.Thread(target=lambda: found.append(client.stk_query(ID))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(sent_to(wire, TOKEN_URL)) == 1


# --- the initiator -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"initiator_name": None}, "initiator_name"),
        ({"security_credential": None}, "neither it nor"),
        ({"security_credential": None, "initiator_password": "x"}, "neither it nor"),
        ({"security_credential": None, "certificate_path": "x"}, "neither it nor"),
        (
            {
                "security_credential": None,
                "initiator_password": "hunter2!",
                "certificate_path": "/nonexistent.cer",
            },
            "No such file",
        ),
    ],
)
@pytest.mark.parametrize(
    ("act", "operation"),
    [
        (OPERATIONS[2].values[3], "b2c_payment"),
        (OPERATIONS[4].values[3], "transaction_status"),
        (OPERATIONS[5].values[3], "reverse"),
        (OPERATIONS[6].values[3], "account_balance"),
        (OPERATIONS[7].values[3], "b2pochi_payment"),
        (OPERATIONS[8].values[3], "b2b_payment"),
    ],
)
def test_without_credentials_no_command_leaves(make_client, wire, act, operation, changes, reason):
    with pytest.raises(NotSent, match=reason) as caught:
        act(make_client(**changes))
    assert caught.value.operation == operation
    assert "hunter2!" not in str(caught.value)
    assert wire.request_history == []


def test_the_credential_is_computed_once(make_client, wire, tmp_path):
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.serialization import Encoding

    from .test_credentials import certificate

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path / "safaricom.cer"
    path.write_bytes(certificate(key, Encoding.PEM))
    client = make_client(security_credential=None, initiator_password="hunter2!", certificate_path=str(path))
    wire.post(B2C_URL, json=QUEUED)
    client.b2c_payment(B2cPayment(**PAYMENT))
    path.unlink()
    wire.post(STATUS_URL, json=ACCEPTED)
    client.transaction_status(TransactionStatusQuery(**STATUS))
    first = sent_to(wire, B2C_URL)[0].json()["SecurityCredential"]
    assert first == sent_to(wire, STATUS_URL)[0].json()["SecurityCredential"]
    assert key.decrypt(b64decode(first), PKCS1v15()) == b"hunter2!"
