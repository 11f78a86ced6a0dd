"""C2B payments: the shop validates, and receives the confirmation."""

import re
from typing import Any

import pytest
import requests

from .receiver import Receiver
from .shop import CONFIRMATION, PHONE, REGISTER_V1, SIMULATE, Shop

SHA_OF_SANDBOX_PHONE = "bbff37cea44ac0b2d964ee0dfb8d2df8513dc7ba1b36129a929fc3fbd6dd4af4"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_simulation_returns_at_once_and_is_confirmed_later(
    shop: Shop, receiver: Receiver, version: str
) -> None:
    shop.register()
    answer = shop.simulate(f"/mpesa/c2b/{version}/simulate")
    assert answer.status_code == 200
    assert list(answer.json()) == ["OriginatorCoversationID", "ResponseCode", "ResponseDescription"]
    assert answer.json()["ResponseDescription"] == "Accept the service request successfully."
    assert not receiver.posts
    assert (shop.ledger()["c2b"], shop.ledger()["debits"]) == ([], [])
    shop.advance(1.1)
    (post,) = receiver.posts
    assert post["path"] == CONFIRMATION
    receipt = shop.ledger()["debits"][0]["receipt"]
    stamp = post["body"].pop("TransTime")
    assert re.fullmatch(r"\d{14}", stamp)
    assert post["body"] == {
        "TransactionType": "Pay Bill",
        "TransID": receipt,
        "TransAmount": "5.00",
        "BusinessShortCode": "174379",
        "BillRefNumber": "INV-7",
        "InvoiceNumber": "",
        "OrgAccountBalance": "100000005.00",
        "ThirdPartyTransID": "",
        "MSISDN": "2547 ***** 678",
        "FirstName": "CUSTOMER",
        "MiddleName": "",
        "LastName": "",
    }
    (payment,) = shop.ledger()["c2b"]
    assert payment["originatorConversationId"] == answer.json()["OriginatorCoversationID"]


def test_the_ledger_after_a_payment(shop: Shop) -> None:
    shop.register()
    paid = shop.pay_by_c2b()
    ledger = shop.ledger()
    (debit,) = ledger["debits"]
    assert debit.pop("at")
    assert debit == {
        "kind": "c2b",
        "receipt": paid["transId"],
        "amount": 5,
        "msisdn": PHONE,
        "billRefNumber": "INV-7",
        "shortcode": "174379",
    }
    assert ledger["shop"][0]["amount"] == 5
    (payment,) = ledger["c2b"]
    (callback,) = paid.pop("callbacks")
    assert payment == paid
    assert callback == ledger["callbacks"][0]
    assert (callback["kind"], callback["status"]) == ("c2b_confirmation", 200)
    assert callback["transId"] == payment["transId"] == callback["body"]["TransID"]
    assert (payment["state"], payment["validationCode"], payment["reason"]) == ("completed", None, None)
    assert (payment["amount"], payment["msisdn"], payment["billRefNumber"]) == (5, PHONE, "INV-7")
    assert (payment["shortcode"], payment["originatorConversationId"]) == ("174379", None)


def test_v1_hashes_the_number(shop: Shop, receiver: Receiver) -> None:
    shop.register(REGISTER_V1)
    shop.pay_by_c2b(msisdn="254708374149")
    assert receiver.posts[0]["body"]["MSISDN"] == SHA_OF_SANDBOX_PHONE


def test_without_registration_the_money_moves_without_a_post(shop: Shop, receiver: Receiver) -> None:
    shop.options(c2b_validation=True)
    paid = shop.pay_by_c2b()
    assert (paid["state"], paid["callbacks"]) == ("completed", [])
    shop.simulate()
    shop.advance(2)
    assert not receiver.posts
    assert [debit["amount"] for debit in shop.ledger()["debits"]] == [5, 5]


def test_registration_is_for_one_shortcode(shop: Shop, receiver: Receiver) -> None:
    shop.register(ShortCode="600984")
    shop.pay_by_c2b()
    assert not receiver.posts
    shop.pay_by_c2b(shortcode="600984")
    assert receiver.posts[0]["body"]["BusinessShortCode"] == "600984"


@pytest.mark.parametrize("word", ["Buy Goods", "Customer Merchant Payment"])
def test_a_till_has_no_account(shop: Shop, receiver: Receiver, word: str) -> None:
    shop.options(tills="832909", c2b_till_type=word)
    shop.register(ShortCode="832909")
    shop.simulate(ShortCode=832909, CommandID="CustomerBuyGoodsOnline", BillRefNumber=None)
    shop.advance(1.1)
    shop.pay_by_c2b(shortcode="832909", type="till", billRefNumber=None)
    for post in receiver.posts:
        assert (post["body"]["TransactionType"], post["body"]["BillRefNumber"]) == (word, "")
        assert post["body"]["BusinessShortCode"] == "832909"
    assert len(receiver.posts) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ShortCode", None),
        ("CommandID", "PayBill"),
        ("Amount", 0),
        ("Amount", "1.555"),
        ("Amount", 250_001),
        ("Msisdn", "0712345678"),
        ("BillRefNumber", None),
        ("BillRefNumber", "x" * 21),
    ],
)
def test_the_error_names_an_invalid_field(shop: Shop, field: str, value: Any) -> None:
    answer = shop.simulate(**{field: value})
    assert answer.status_code == 400
    assert answer.json()["errorCode"] == "400.002.02"
    assert answer.json()["errorMessage"] == f"Bad Request - Invalid {field}"
    assert shop.simulator.get("/simulator/c2b")["payments"] == []


def test_a_till_with_an_account_and_unknown_shortcodes(shop: Shop) -> None:
    assert "BillRefNumber" in shop.simulate(CommandID="CustomerBuyGoodsOnline").text
    assert shop.simulate(ShortCode=700000).json()["errorMessage"] == "Merchant does not exist"
    shop.options(tills="1234567")
    till = {"CommandID": "CustomerBuyGoodsOnline", "BillRefNumber": None}
    assert shop.simulate(ShortCode=1234567, **till).status_code == 200
    assert shop.simulate(ShortCode=1234568, **till).status_code == 500


def test_an_invalid_token(shop: Shop) -> None:
    answer = shop.call("POST", SIMULATE, json={}, headers={"Authorization": "Bearer stale"})
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.003.01")


def test_customers_who_cannot_pay(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    shop.simulator.post("/simulator/customers", {"msisdn": PHONE, "balance": 4})
    short = shop.pay_by_c2b()
    assert (short["state"], short["reason"]) == (
        "rejected",
        "The balance is insufficient for the transaction.",
    )
    shop.options(strict_customers=True)
    unknown = shop.pay_by_c2b(msisdn="254712345670")
    assert (unknown["state"], unknown["reason"]) == ("rejected", "The number is not a customer.")
    assert not receiver.posts


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"msisdn": "0712"}, 400),
        ({"amount": 0}, 400),
        ({"amount": 250_001}, 400),
        ({"amount": "5.005"}, 400),
        ({"billRefNumber": ""}, 400),
        ({"billRefNumber": "x" * 21}, 400),
        ({"type": "till"}, 400),
        ({"type": "shop"}, 400),
        ({"shortcode": "700000"}, 404),
    ],
)
def test_invalid_payments(shop: Shop, body: dict[str, Any], status: int) -> None:
    answer = shop.call(
        "POST", "/simulator/c2b", json={"msisdn": PHONE, "amount": 5, "billRefNumber": "A"} | body
    )
    assert answer.status_code == status
    assert answer.json()["error"]
    assert shop.ledger()["debits"] == []


def test_faults_of_the_confirmation(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    for fault in ("lost", "delayed", "doubled"):
        shop.script(operation="c2b", fault=f"confirmation_{fault}")
    payments = [shop.pay_by_c2b() for _ in range(3)]
    assert [payment["faults"] for payment in payments] == [
        ["confirmation_lost"],
        ["confirmation_delayed"],
        ["confirmation_doubled"],
    ]
    reported = [body["TransID"] for body in receiver.at(CONFIRMATION)]
    assert reported == [payments[2]["transId"]] * 2
    withheld = shop.ledger()["withheld"]
    assert [(item["kind"], item["id"], item["reason"]) for item in withheld] == [
        ("c2b_confirmation", payments[0]["transId"], "lost"),
        ("c2b_confirmation", payments[1]["transId"], "delayed"),
    ]
    shop.advance(21)
    assert receiver.at(CONFIRMATION)[-1]["TransID"] == payments[1]["transId"]
    shop.simulator.post("/simulator/callbacks/resend", {"transId": payments[0]["transId"]})
    assert receiver.at(CONFIRMATION)[-1]["TransID"] == payments[0]["transId"]
    assert len(shop.ledger()["debits"]) == 3


def test_a_wrong_amount_is_reported(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    shop.script(operation="c2b", fault="amount_differs")
    shop.script(operation="c2b", amount_in_callback=7.5, msisdn=PHONE)
    for _ in range(2):
        shop.pay_by_c2b()
    assert [body["TransAmount"] for body in receiver.at(CONFIRMATION)] == ["6.00", "7.50"]
    assert [debit["amount"] for debit in shop.ledger()["debits"]] == [5, 5]


def test_the_confirmation_before_the_response(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    shop.script(operation="c2b_simulate", callback="before_answer")
    assert shop.simulate().status_code == 200
    assert len(receiver.at(CONFIRMATION)) == 1
    shop.advance(60)
    assert len(shop.ledger()["debits"]) == 1


def test_a_lost_response_is_still_paid(shop: Shop) -> None:
    shop.script(operation="c2b_simulate", fault="answer_lost")
    with pytest.raises(requests.ConnectionError):
        shop.simulate()
    shop.advance(2)
    assert len(shop.ledger()["debits"]) == 1
