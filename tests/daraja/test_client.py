"""The client against the wire format: what is sent, what is read, and what is never sent twice."""

from base64 import b64decode

import pytest

from mpesa_service.daraja import (
    B2bPayment,
    B2cPayment,
    StkPush,
)
from mpesa_service.domain.reports import Outcome
from tests.daraja.operations import (
    B2B_URL,
    B2C_URL,
    ID,
    POCHI_URL,
    PUSH_URL,
    PUSHED,
    QUERIED,
    QUERY_URL,
    QUEUED,
    without,
)

from .conftest import BASE, TOKEN_URL
from .test_messages import BUSINESS, GOODS, PAYMENT, PUSH

PASSWORD = (
    "MTc0Mzc5YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJhZGEx"
    "ZWQyYzkxOTIwMjEwNjI4MDkyNDA4"
)


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
