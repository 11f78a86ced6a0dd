"""Reversal: the checks of the request, the result, and the movement of money."""

import re
from typing import Any

import pytest
import requests

from .receiver import Receiver
from .shop import PHONE, REVERSAL, Shop, parameters

PLACEHOLDER = r"[A-Z]{2}[1-9A-V]0000000"


def test_the_whole_payment_is_returned(shop: Shop, receiver: Receiver) -> None:
    receipt = shop.paid()
    answer = shop.reversal(TransactionID=receipt)
    assert answer.status_code == 200
    body = answer.json()
    assert re.fullmatch(r"AG_\d{8}_2010[0-9a-f]{16}", body["ConversationID"])
    assert (body["ResponseCode"], len(body)) == ("0", 4)
    assert shop.ledger()["credits"] == []
    shop.advance(1.1)
    assert receiver.posts[-1]["path"] == "/reversal"
    (result,) = receiver.results()
    assert list(result) == [
        *("ResultType", "ResultCode", "ResultDesc", "OriginatorConversationID", "ConversationID"),
        *("TransactionID", "ResultParameters", "ReferenceData"),
    ]
    assert (result["ResultType"], result["ResultCode"]) == (0, 0)
    assert result["OriginatorConversationID"] == body["OriginatorConversationID"]
    assert result["ConversationID"] == body["ConversationID"]
    assert result["ReferenceData"]["ReferenceItem"]["Key"] == "QueueTimeoutURL"
    reported = parameters(result)
    completed = reported.pop("TransCompletedTime")
    assert isinstance(completed, int)
    assert len(str(completed)) == 14
    assert reported == {
        "DebitAccountBalance": "Utility Account|KES|100000000.00|100000000.00|0.00|0.00",
        "Amount": 100.0,
        "OriginalTransactionID": receipt,
        "Charge": 0.0,
        "CreditPartyPublicName": f"{PHONE} - CUSTOMER 5678",
        "DebitPartyPublicName": "174379 - SIMULATED SHOP",
    }


def test_the_ledger_after_a_reversal(shop: Shop) -> None:
    receipt = shop.paid()
    result = shop.reversed_(TransactionID=receipt)
    ledger = shop.ledger()
    (credit,) = ledger["credits"]
    assert credit.pop("at")
    assert credit == {
        "kind": "reversal",
        "receipt": result["TransactionID"],
        "amount": 100,
        "msisdn": PHONE,
        "originalReceipt": receipt,
        "conversationId": result["ConversationID"],
        "originatorConversationId": result["OriginatorConversationID"],
    }
    (reversal,) = ledger["reversals"]
    assert reversal["conversationId"] == result["ConversationID"]
    assert reversal["originatorConversationId"] == result["OriginatorConversationID"]
    assert (reversal["originalReceipt"], reversal["amount"]) == (receipt, 100)
    assert (reversal["state"], reversal["resultCode"]) == ("completed", 0)
    assert reversal["receipt"] == credit["receipt"] != receipt
    assert reversal["resultUrl"].endswith("/reversal")
    assert [item["kind"] for item in ledger["callbacks"]] == ["stk", "reversal_result"]
    assert (ledger["payouts"], ledger["accounts"]["utility"]) == ([], 100_000_000)
    (customer,) = shop.simulator.get("/simulator/customers")["customers"]
    assert customer["balance"] == 10_000_000
    messages = shop.simulator.get(f"/simulator/phone/{PHONE}/state")["messages"]
    assert f"Ksh100.00 of {receipt} reversed to you." in messages[-1]


def test_a_c2b_payment_is_reversed(shop: Shop) -> None:
    receipt = shop.pay_by_c2b(shortcode="600984")["transId"]
    result = shop.reversed_(TransactionID=receipt, Amount=5, ReceiverParty="600984")
    assert (result["ResultCode"], shop.ledger()["credits"][0]["originalReceipt"]) == (0, receipt)


def test_only_once(shop: Shop, receiver: Receiver) -> None:
    receipt = shop.paid()
    for _ in range(2):
        shop.reversal(TransactionID=receipt)
    shop.advance(1.1)
    shop.reversed_(TransactionID=receipt, Amount=99)
    assert [result["ResultCode"] for result in receiver.results()] == [0, "R000001", "R000001"]
    assert len(shop.ledger()["credits"]) == 1


@pytest.mark.parametrize(
    "change", [{"TransactionID": "SG632NMUAB"}, {"Amount": 99}, {"ReceiverParty": "600984"}]
)
def test_what_cannot_be_reversed(shop: Shop, change: dict[str, Any]) -> None:
    result = shop.reversed_(**({"TransactionID": shop.paid()} | change))
    assert result["ResultCode"] == "R000002"
    assert result["ResultDesc"] == "The OriginalTransactionID is invalid."
    assert re.fullmatch(PLACEHOLDER, result["TransactionID"])
    assert "ResultParameters" not in result
    assert "ReferenceData" in result
    assert shop.ledger()["credits"] == []


def test_neither_payouts_nor_reversals_are_reversed(shop: Shop) -> None:
    shop.b2c()
    shop.advance(1.1)
    first = shop.ledger()["credits"][0]["receipt"]
    assert shop.reversed_(TransactionID=first, Amount=50)["ResultCode"] == "R000002"
    second = shop.reversed_(TransactionID=shop.paid())["TransactionID"]
    assert shop.reversed_(TransactionID=second)["ResultCode"] == "R000002"


def test_the_utility_account_has_too_little_money(shop: Shop, receiver: Receiver) -> None:
    shop.simulator.post("/simulator/reset", {"utility_balance": 0, "timers": "manual"})
    poor = Shop(shop.simulator, receiver)
    receipt = poor.paid()
    poor.b2c()
    poor.advance(1.1)
    result = poor.reversed_(TransactionID=receipt)
    assert result["ResultCode"] == 1
    assert result["ResultDesc"] == "The balance is insufficient for the transaction."
    assert poor.ledger()["accounts"]["utility"] == 50
    poor.paid(Amount=50)
    assert poor.reversed_(TransactionID=receipt)["ResultCode"] == 0


def test_the_fault_reversal_spent(shop: Shop) -> None:
    receipt = shop.paid()
    shop.script(operation="reversal", receipt=receipt, fault="reversal_spent")
    assert shop.reversed_(TransactionID=receipt)["ResultCode"] == 1
    shop.options(faults={"reversal_spent": 1})
    assert shop.reversed_(TransactionID=receipt)["ResultCode"] == 1
    shop.options(faults={})
    assert shop.reversed_(TransactionID=receipt)["ResultCode"] == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Initiator", None),
        ("SecurityCredential", "not base64!"),
        ("CommandID", "Reversal"),
        ("TransactionID", None),
        ("TransactionID", "x" * 129),
        ("Amount", 0),
        ("Amount", 1.5),
        ("ReceiverParty", "x"),
        ("RecieverIdentifierType", None),
        ("RecieverIdentifierType", "4"),
        ("ResultURL", "nowhere"),
        ("QueueTimeOutURL", None),
        ("Remarks", "x"),
        ("Remarks", "x" * 101),
        ("Occasion", "x" * 101),
    ],
)
def test_the_error_names_an_invalid_field(shop: Shop, field: str, value: Any) -> None:
    answer = shop.reversal(**{field: value})
    assert answer.status_code == 400
    assert answer.json()["errorCode"] == "400.002.02"
    assert answer.json()["errorMessage"] == f"Bad Request - Invalid {field}"
    assert shop.ledger()["reversals"] == []


def test_shortcodes_and_numbers(shop: Shop) -> None:
    assert shop.reversal(RecieverIdentifierType=11, Amount="100", Occasion=None).status_code == 200
    assert shop.reversal(ReceiverParty="700000").json()["errorMessage"] == "Merchant does not exist"


def test_an_invalid_token(shop: Shop) -> None:
    answer = shop.call("POST", REVERSAL, json={}, headers={"Authorization": "Bearer stale"})
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "404.001.03")
    assert answer.json()["errorMessage"] == "Invalid Access Token"


def test_wrong_passwords_of_all_commands_count_together(shop: Shop, receiver: Receiver) -> None:
    receipt = shop.paid()
    for _ in range(3):
        shop.status(TransactionID=receipt, secret="wrong")
    for _ in range(2):
        shop.reversal(TransactionID=receipt, secret="wrong")
    shop.reversal(TransactionID=receipt)
    shop.advance(1.1)
    codes = [result["ResultCode"] for result in receiver.results()]
    assert sorted(codes) == [2001] * 5 + [8006]
    assert shop.ledger()["credits"] == []


def test_a_queue_time_out_posts_the_request(shop: Shop, receiver: Receiver) -> None:
    body = shop.reversal_body(TransactionID=shop.paid())
    shop.script(operation="reversal", fault="queue_timeout")
    shop.daraja(REVERSAL, body)
    shop.advance(60)
    (reported,) = receiver.at("/timeout")
    assert reported == body
    assert shop.ledger()["callbacks"][-1]["kind"] == "reversal_timeout"
    assert (shop.ledger()["reversals"][0]["state"], shop.ledger()["credits"]) == ("timed_out", [])


def test_a_late_success(shop: Shop, receiver: Receiver) -> None:
    receipt = shop.paid()
    shop.script(operation="reversal", fault="late_success")
    shop.reversal(TransactionID=receipt)
    shop.advance(1.5)
    assert [post["path"] for post in receiver.posts[1:]] == ["/timeout"]
    assert shop.query_transaction(OriginalConversationID=shop.ledger()["reversals"][0]["conversationId"])[
        "TransactionStatus"
    ] == ("Authorized")
    shop.advance(5)
    assert receiver.results()[-1]["ResultCode"] == 0
    assert len(shop.ledger()["credits"]) == 1


def test_faults_of_the_result(shop: Shop, receiver: Receiver) -> None:
    receipts = [shop.paid() for _ in range(4)]
    shop.script(operation="reversal", callback="before_answer", fault="amount_differs")
    shop.reversal(TransactionID=receipts[0])
    assert parameters(receiver.results()[0])["Amount"] == 101.0
    for receipt, callback in zip(receipts[1:], ("lost", "delayed", "doubled"), strict=True):
        shop.script(operation="reversal", receipt=receipt, callback=callback)
        shop.reversal(TransactionID=receipt)
    shop.advance(1.1)
    reported = [parameters(result)["OriginalTransactionID"] for result in receiver.results()]
    assert reported == [receipts[0], receipts[3], receipts[3]]
    shop.advance(21)
    assert parameters(receiver.results()[-1])["OriginalTransactionID"] == receipts[2]
    assert len(shop.ledger()["credits"]) == 4


def test_a_lost_response_is_still_executed(shop: Shop, receiver: Receiver) -> None:
    receipt = shop.paid()
    shop.script(operation="reversal", fault="answer_lost")
    with pytest.raises(requests.ConnectionError):
        shop.reversal(TransactionID=receipt)
    shop.advance(1.1)
    assert receiver.results()[0]["ResultCode"] == 0


def test_the_control_api(shop: Shop, receiver: Receiver) -> None:
    receipt = shop.paid()
    shop.options(reversal_auto="hold")
    key = shop.reversal(TransactionID=receipt).json()["ConversationID"]
    shop.advance(60)
    assert receiver.results() == []
    assert shop.simulator.get("/simulator/commands")["commands"][0]["hold"] is True
    done = shop.simulator.post(f"/simulator/commands/{key}/timeout")
    assert done["command"]["state"] == "timed_out"
    done = shop.simulator.post(f"/simulator/commands/{key}/complete", {"resultCode": 21})
    assert (done["command"]["kind"], done["command"]["resultCode"]) == ("reversal", 21)
    assert done["callbacks"][0]["status"] == 200
    assert shop.call("POST", f"/simulator/commands/{key}/complete").status_code == 409
    assert shop.call("POST", f"/simulator/b2c/{key}/complete").status_code == 404
    assert shop.ledger()["credits"] == []


@pytest.mark.parametrize(("digits", "code"), [("990011", 11), ("990021", 21), ("991032", None)])
def test_the_payers_number_chooses_the_outcome(
    shop: Shop, receiver: Receiver, digits: str, code: int | None
) -> None:
    if code is not None:
        receipt = shop.paid(phone=f"254712{digits}")
        assert shop.reversed_(TransactionID=receipt)["ResultCode"] == code
    receipt = shop.pay_by_c2b(msisdn=f"254712{digits}")["transId"]
    assert shop.reversed_(TransactionID=receipt, Amount=5)["ResultCode"] == (code or 0)


def test_a_receipt_before_its_movement(shop: Shop, receiver: Receiver) -> None:
    shop.options(reversal_after=60)
    shop.simulate()
    (payment,) = shop.simulator.state.c2b.values()
    shop.reversal(TransactionID=payment.transaction.trans_id, Amount=5)
    shop.advance(61)
    assert parameters(receiver.results()[0])["CreditPartyPublicName"] == f"{PHONE} - CUSTOMER 5678"
    assert shop.ledger()["reversals"][0]["msisdn"] == PHONE
