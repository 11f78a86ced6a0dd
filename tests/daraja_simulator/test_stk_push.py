"""STK push: the checks of the request, the response, and the callback."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from daraja_simulator import SimulatorOptions, SimulatorServer, SimulatorState

from .receiver import Receiver
from .shop import PHONE, PUSH, STAMP, Shop, password


def error(answer: requests.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["errorCode"], body["errorMessage"]


def test_the_response(shop: Shop) -> None:
    answer = shop.push()
    body = answer.json()
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert list(body) == [
        "MerchantRequestID",
        "CheckoutRequestID",
        "ResponseCode",
        "ResponseDescription",
        "CustomerMessage",
    ]
    assert body["ResponseCode"] == "0"
    assert body["ResponseDescription"] == "Success. Request accepted for processing"
    assert re.fullmatch(r"[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\d+", body["MerchantRequestID"])
    assert re.fullmatch(r"ws_CO_\d{14}\d{1,3}712345678", body["CheckoutRequestID"])


def test_the_callback_of_a_payment(shop: Shop, receiver: Receiver) -> None:
    checkout = shop.pushed()
    shop.advance(1.9)
    assert not receiver.posts
    shop.advance(0.2)
    post = receiver.posts[0]
    assert post["path"] == "/stk/secret"
    assert post["headers"]["Content-Type"] == "application/json;charset=UTF-8"
    assert post["headers"]["Businessshortcode"] == "174379"
    callback = receiver.stk()[0]
    assert (callback["CheckoutRequestID"], callback["ResultCode"]) == (checkout, 0)
    assert callback["ResultDesc"] == "The service request is processed successfully."
    amount, receipt, balance, date, phone = callback["CallbackMetadata"]["Item"]
    assert amount == {"Name": "Amount", "Value": 100.0}
    assert isinstance(amount["Value"], float)
    assert re.fullmatch("[A-Z0-9]{10}", receipt["Value"])
    assert balance == {"Name": "Balance"}
    assert re.fullmatch(r"\d{14}", str(date["Value"]))
    assert isinstance(date["Value"], int)
    assert phone == {"Name": "PhoneNumber", "Value": int(PHONE)}
    debit = shop.ledger()["debits"][0]
    assert (debit["receipt"], debit["amount"], debit["msisdn"]) == (receipt["Value"], 100, PHONE)
    assert (debit["checkoutRequestId"], debit["accountReference"]) == (checkout, "ORDER-1")


def test_a_failure_has_no_metadata(shop: Shop, receiver: Receiver) -> None:
    shop.prompt(shop.pushed(), "cancel")
    callback = receiver.stk()[0]
    assert list(callback) == ["MerchantRequestID", "CheckoutRequestID", "ResultCode", "ResultDesc"]
    assert (callback["ResultCode"], callback["ResultDesc"]) == (1032, "Request cancelled by user")
    assert shop.ledger()["debits"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("BusinessShortCode", None),
        ("BusinessShortCode", "12"),
        ("BusinessShortCode", True),
        ("BusinessShortCode", "١٧٤٣٧٩"),
        ("Password", None),
        ("Password", 1.5),
        ("Timestamp", None),
        ("Timestamp", "2021-06-28"),
        ("Timestamp", "20211328092408"),
        ("TransactionType", None),
        ("TransactionType", "Pay"),
        ("Amount", None),
        ("Amount", 0),
        ("Amount", -1),
        ("Amount", 1.5),
        ("Amount", 1.0),
        ("Amount", "10.50"),
        ("Amount", 250_001),
        ("Amount", []),
        ("PartyA", "0712345678"),
        ("PartyA", "+254712345678"),
        ("PartyB", "shop"),
        ("PhoneNumber", None),
        ("PhoneNumber", "254212345678"),
        ("PhoneNumber", "2547123456789"),
        ("CallBackURL", None),
        ("CallBackURL", "ftp://example.com/x"),
        ("CallBackURL", "https:///x"),
        ("CallBackURL", "https://exa mple.com/"),
        ("CallBackURL", "https://example.com:99999/"),
        ("AccountReference", None),
        ("AccountReference", ""),
        ("AccountReference", "ABCDEFGHIJKLM"),
        ("AccountReference", "a\nb"),
        ("TransactionDesc", "ABCDEFGHIJKLMN"),
        ("TransactionDesc", {}),
    ],
)
def test_the_error_names_an_invalid_field(shop: Shop, field: str, value: Any) -> None:
    body = shop.push_body()
    body.pop(field)
    if value is not None:
        body[field] = value
    answer = shop.daraja(PUSH, body)
    assert error(answer) == (400, "400.002.02", f"Bad Request - Invalid {field}")
    assert shop.ledger()["prompts"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"Amount": "1"},
        {"Amount": 250_000},
        {"BusinessShortCode": 174379, "PartyB": 174379, "PartyA": int(PHONE)},
        {"phone": "254112345678"},
        {"TransactionDesc": None},
        {"AccountReference": "ABCDEFGHIJKL", "TransactionDesc": "ABCDEFGHIJKLM"},
        {"CallBackURL": "https://nobody.invalid:8443/a/b"},
        {"TransactionType": "CustomerBuyGoodsOnline", "PartyB": "5500123"},
    ],
)
def test_valid_requests(shop: Shop, changes: dict[str, Any]) -> None:
    assert shop.push(**changes).status_code == 200


def test_form_encoding_is_an_invalid_first_field(shop: Shop) -> None:
    headers = {"Authorization": f"Bearer {shop.token}"}
    answer = shop.call("POST", PUSH, data=shop.push_body(), headers=headers)
    assert error(answer) == (400, "400.002.02", "Bad Request - Invalid BusinessShortCode")


@pytest.mark.parametrize("raw", ["", "{", "[]", "null"])
def test_a_body_that_is_not_an_object(shop: Shop, raw: str) -> None:
    headers = {"Authorization": f"Bearer {shop.token}", "Content-Type": "application/json"}
    answer = shop.call("POST", PUSH, data=raw, headers=headers)
    assert error(answer) == (400, "400.002.05", "Invalid Request Payload")


def test_unknown_merchant(shop: Shop) -> None:
    answer = shop.push(BusinessShortCode="600123", Password=password("600123"))
    assert error(answer) == (500, "500.001.1001", "Merchant does not exist")


@pytest.mark.parametrize(
    "wrong",
    ["abc", password(passkey="x"), password(stamp="20210628092409"), password("174378")],
)
def test_wrong_password(shop: Shop, wrong: str) -> None:
    assert error(shop.push(Password=wrong)) == (500, "500.001.1001", "Wrong credentials")


def test_the_password_of_the_portals_sample(shop: Shop) -> None:
    assert password() == (
        "MTc0Mzc5YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJhZGEx"
        "ZWQyYzkxOTIwMjEwNjI4MDkyNDA4"
    )
    assert STAMP == "20210628092408"


def test_one_prompt_per_phone(shop: Shop) -> None:
    first = shop.pushed()
    status, code, message = error(shop.push())
    assert (status, code) == (500, "500.001.1001")
    assert message.startswith("Unable to lock subscriber, a transaction is already in process")
    assert shop.push(phone="254712345670").status_code == 200
    shop.prompt(first, "cancel")
    assert shop.push().status_code == 200


def test_a_second_prompt_can_be_accepted_and_end_in_1001(shop: Shop, receiver: Receiver) -> None:
    shop.options(lock_style="callback")
    first, second = shop.pushed(), shop.pushed()
    assert first != second
    shop.prompt(second, "outcome")
    assert receiver.stk()[0]["ResultCode"] == 1001
    assert shop.prompt(first, "pin", pin="0000")["prompt"]["state"] == "paid"


def test_rule_17(shop: Shop, receiver: Receiver) -> None:
    shop.prompt(shop.pushed(), "outcome")
    shop.prompt(shop.pushed(), "outcome")
    shop.options(rule_17=True)
    shop.prompt(shop.pushed(), "outcome")
    shop.prompt(shop.pushed(Amount=101), "outcome")
    shop.advance(121)
    shop.prompt(shop.pushed(), "outcome")
    assert [callback["ResultCode"] for callback in receiver.stk()] == [0, 0, 17, 0, 0]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"PartyB": "600000"}, "SFC_IC0003"),
        ({"TransactionType": "CustomerBuyGoodsOnline", "PartyB": "600000"}, 2028),
        ({"TransactionType": "CustomerBuyGoodsOnline", "PartyB": "5500123"}, 0),
    ],
)
def test_a_wrong_party_b(shop: Shop, receiver: Receiver, changes: dict[str, Any], code: int | str) -> None:
    shop.options(tills=["5500123"])
    shop.prompt(shop.pushed(**changes), "outcome")
    assert receiver.stk()[0]["ResultCode"] == code


def test_an_unanswered_prompt_expires(shop: Shop, receiver: Receiver) -> None:
    shop.options(auto="hold")
    shop.pushed()
    shop.advance(59)
    assert not receiver.posts
    shop.advance(2)
    assert receiver.stk()[0]["ResultCode"] == 1037
    assert receiver.stk()[0]["ResultDesc"] == "No response from user."


def test_strict_customers(shop: Shop, receiver: Receiver) -> None:
    shop.options(strict_customers=True)
    shop.pushed()
    shop.advance(25)
    assert not receiver.posts
    shop.advance(2)
    shop.script(outcome="paid")
    shop.prompt(shop.pushed(), "outcome")
    shop.simulator.post("/simulator/customers", {"msisdn": PHONE, "balance": 100})
    shop.prompt(shop.pushed(), "outcome")
    shop.prompt(shop.pushed(), "outcome")
    assert [callback["ResultCode"] for callback in receiver.stk()] == [1037, 1037, 0, 1]


def test_simultaneous_pushes_have_different_ids(receiver: Receiver) -> None:
    state = SimulatorState(SimulatorOptions(timers="manual"), clock=lambda: datetime(2026, 7, 1, tzinfo=UTC))
    with SimulatorServer(state=state) as simulator:
        shop = Shop(simulator, receiver)
        first = shop.pushed()
        shop.prompt(first, "cancel")
        second = shop.pushed()
    assert first == "ws_CO_010720260300000712345678"
    assert second == "ws_CO_010720260300001712345678"
