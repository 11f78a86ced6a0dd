"""B2B: the checks of the request, the result, and the movement of money."""

import re
from typing import Any

import pytest

from .receiver import Receiver
from .shop import B2B, PHONE, Shop, parameters

MONEY = "{Amount={CurrencyCode=KES, MinimumAmount=9999981000, BasicAmount=99999810.00}}"


def test_a_pay_bill_is_paid(shop: Shop, receiver: Receiver) -> None:
    body = shop.b2b().json()
    assert (body["ResponseCode"], len(body)) == ("0", 4)
    shop.advance(1.1)
    assert receiver.posts[0]["path"] == "/b2b"
    (result,) = receiver.results()
    assert (result["ResultType"], result["ResultCode"]) == ("0", "0")
    assert result["OriginatorConversationID"] == body["OriginatorConversationID"]
    assert result["ConversationID"] == body["ConversationID"]
    reported = parameters(result)
    assert re.fullmatch(r"\d{14}", reported.pop("TransCompletedTime"))
    assert reported == {
        "DebitAccountBalance": MONEY,
        "Amount": "190.00",
        "DebitPartyAffectedAccountBalance": "Utility Account|KES|99999810.00|99999810.00|0.00|0.00",
        "DebitPartyCharges": "",
        "ReceiverPartyPublicName": "888880 - SIMULATED PARTNER",
        "Currency": "KES",
        "InitiatorAccountCurrentBalance": MONEY,
    }
    first, second = result["ReferenceData"]["ReferenceItem"]
    assert first == {"Key": "BillReferenceNumber", "Value": "19008"}
    assert second["Key"] == "QueueTimeoutURL"


def test_the_ledger_after_a_transfer(shop: Shop, receiver: Receiver) -> None:
    body = shop.b2b().json()
    shop.advance(1.1)
    ledger = shop.ledger()
    (transfer,) = ledger["transfers"]
    assert transfer.pop("at")
    assert transfer == {
        "kind": "BusinessPayBill",
        "receipt": receiver.results()[0]["TransactionID"],
        "amount": 190,
        "partyB": "888880",
        "accountReference": "19008",
        "originatorConversationId": body["OriginatorConversationID"],
        "conversationId": body["ConversationID"],
    }
    (payout,) = ledger["payouts"]
    assert (payout["kind"], payout["commandId"]) == ("b2b", "BusinessPayBill")
    assert (payout["partyB"], payout["accountReference"]) == ("888880", "19008")
    assert (payout["msisdn"], payout["state"], payout["receipt"]) == (PHONE, "completed", transfer["receipt"])
    assert (ledger["credits"], ledger["organizations"]) == ([], {"888880": 190})
    assert ledger["shop"][0]["amount"] == -190
    assert ledger["callbacks"][0]["kind"] == "b2b_result"


def test_a_till_needs_no_reference(shop: Shop, receiver: Receiver) -> None:
    command = {"CommandID": "BusinessBuyGoods", "PartyB": 832909, "Requester": None}
    assert shop.b2b(AccountReference=None, **command).status_code == 200
    shop.advance(1.1)
    (transfer,) = shop.ledger()["transfers"]
    assert (transfer["kind"], transfer["accountReference"]) == ("BusinessBuyGoods", "")
    assert shop.ledger()["payouts"][0]["msisdn"] is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Initiator", None),
        ("SecurityCredential", "not base64!"),
        ("CommandID", None),
        ("CommandID", "BusinessPayToBulk"),
        ("CommandID", "MerchantToMerchantTransfer"),
        ("SenderIdentifierType", "1"),
        ("RecieverIdentifierType", "2"),
        ("Amount", 0),
        ("PartyA", "x"),
        ("PartyB", PHONE),
        ("AccountReference", None),
        ("AccountReference", "x" * 14),
        ("Requester", "0712345678"),
        ("Remarks", None),
        ("Remarks", "x" * 101),
        ("QueueTimeOutURL", None),
        ("ResultURL", "nowhere"),
        ("Occassion", "x" * 101),
    ],
)
def test_the_error_names_an_invalid_field(shop: Shop, field: str, value: Any) -> None:
    answer = shop.b2b(**{field: value})
    assert answer.status_code == 400
    assert answer.json()["errorMessage"] == f"Bad Request - Invalid {field}"
    assert shop.ledger()["payouts"] == []


def test_an_invalid_token(shop: Shop) -> None:
    answer = shop.call("POST", B2B, json={}, headers={"Authorization": "Bearer stale"})
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "404.001.03")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"secret": "wrong"}, 2001),
        ({"PartyB": "174379"}, 2028),
        ({"PartyB": "990011"}, 11),
        ({"PartyB": "999003"}, "SFC_IC0003"),
        ({"Amount": 240_021}, 21),
    ],
)
def test_a_failure_has_one_parameter(
    shop: Shop, receiver: Receiver, change: dict[str, Any], code: int | str
) -> None:
    shop.b2b(**change)
    shop.advance(1.1)
    (result,) = receiver.results()
    assert (result["ResultType"], result["ResultCode"]) == (0, code)
    assert re.fullmatch(r"[A-Z]{2}[1-9A-V]0000000", result["TransactionID"])
    parameter = result["ResultParameters"]["ResultParameter"]
    assert parameter["Key"] == "BOCompletedTime"
    assert isinstance(parameter["Value"], int)
    assert result["ReferenceData"]["ReferenceItem"]["Key"] == "QueueTimeoutURL"
    assert (shop.ledger()["transfers"], shop.ledger()["organizations"]) == ([], {})


def test_the_utility_account_has_too_little_money(shop: Shop, receiver: Receiver) -> None:
    shop.simulator.post("/simulator/reset", {"utility_balance": 189, "timers": "manual"})
    Shop(shop.simulator, receiver).b2b()
    shop.advance(1.1)
    assert receiver.results()[0]["ResultCode"] == 1


def test_the_same_request_twice_is_two_payments(shop: Shop) -> None:
    body = shop.b2b_body()
    for _ in range(2):
        shop.daraja(B2B, body)
    shop.advance(1.1)
    assert shop.ledger()["organizations"] == {"888880": 380}


def test_time_outs_and_faults(shop: Shop, receiver: Receiver) -> None:
    body = shop.b2b_body()
    for fault in ("queue_timeout", "late_success"):
        shop.script(operation="b2b", fault=fault)
        shop.daraja(B2B, body)
    shop.script(operation="b2b", fault="amount_differs", callback="before_answer")
    shop.daraja(B2B, body)
    assert parameters(receiver.results()[0])["Amount"] == "191.00"
    shop.advance(7)
    assert receiver.at("/timeout") == [body, body]
    assert len(receiver.results()) == len(shop.ledger()["transfers"]) == 2
    kinds = [callback["kind"] for callback in shop.ledger()["callbacks"]]
    assert sorted(kinds) == ["b2b_result", "b2b_result", "b2b_timeout", "b2b_timeout"]
    assert [payout["state"] for payout in shop.ledger()["payouts"]] == ["timed_out", "completed", "completed"]


def test_the_control_api(shop: Shop) -> None:
    shop.options(b2c_auto="hold")
    key = shop.b2b().json()["OriginatorConversationID"]
    shop.advance(60)
    assert shop.simulator.post(f"/simulator/b2c/{key}/complete")["payout"]["state"] == "completed"
