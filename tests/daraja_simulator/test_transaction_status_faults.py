"""Transaction status: scripts and faults."""

import pytest
import requests

from tests.daraja_simulator.test_transaction_status import RECEIPT

from .receiver import Receiver
from .shop import STATUS, Shop


def test_each_callback_fault(shop: Shop, receiver: Receiver) -> None:
    for callback in ("lost", "delayed", "doubled"):
        shop.script(operation="transaction_status", callback=callback)
        shop.status(TransactionID=RECEIPT)
    shop.advance(1.1)
    assert len(receiver.results()) == 2
    assert receiver.posts[0]["body"] == receiver.posts[1]["body"]
    assert [item["reason"] for item in shop.ledger()["withheld"]] == ["lost", "delayed"]
    shop.advance(20)
    assert len(receiver.results()) == 3
    lost = shop.ledger()["withheld"][0]["id"]
    shop.simulator.post("/simulator/callbacks/resend", {"originatorConversationId": lost})
    assert len(receiver.results()) == 4


def test_the_result_before_the_response_and_only_once(shop: Shop, receiver: Receiver) -> None:
    shop.options(faults={"transaction_status.callback_before_answer": 1})
    body = shop.status(TransactionID=RECEIPT).json()
    assert receiver.results()[0]["ConversationID"] == body["ConversationID"]
    shop.advance(60)
    assert len(receiver.results()) == 1


def test_a_lost_response_still_has_a_result(shop: Shop, receiver: Receiver) -> None:
    shop.script(operation="transaction_status", fault="answer_lost")
    with pytest.raises(requests.ConnectionError):
        shop.status(TransactionID=RECEIPT)
    shop.advance(1.1)
    assert len(receiver.results()) == 1


def test_an_invalid_token(shop: Shop) -> None:
    shop.script(operation="transaction_status", fault="token_refused")
    answer = shop.status(TransactionID=RECEIPT)
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "400.003.01")
    assert answer.json()["errorMessage"] == "Invalid Access Token"
    assert shop.call("POST", STATUS, json={}).json()["errorCode"] == "404.001.04"


def test_a_script_for_one_receipt_or_conversation(shop: Shop, receiver: Receiver) -> None:
    shop.b2c()
    shop.advance(1.1)
    receipt = shop.ledger()["credits"][0]["receipt"]
    shop.script(operation="transaction_status", receipt=receipt, outcome="26", pay_after=0)
    shop.script(operation="transaction_status", originatorConversationId="refund-1", outcome="999")
    shop.status(TransactionID=RECEIPT)
    shop.status(TransactionID=receipt)
    shop.advance(0.5)
    shop.status(OriginalConversationID="refund-1")
    shop.advance(1.1)
    results = receiver.results()[1:]
    assert [item["ResultCode"] for item in results] == [26, 2032, 999]
    assert results[2]["ResultDesc"] == "The transaction failed."
    assert not any("ResultParameters" in item for item in results)


def test_a_script_reports_pending_or_a_wrong_amount(shop: Shop) -> None:
    shop.b2c()
    shop.advance(1.1)
    shop.script(operation="transaction_status", outcome="pending")
    shop.script(operation="transaction_status", amount_in_callback=49, outcome="paid")
    first, second = (shop.query_transaction(OriginalConversationID="refund-1") for _ in range(2))
    assert (first["TransactionStatus"], first["ReceiptNo"], first["FinalisedTime"]) == (
        "Initiated",
        None,
        None,
    )
    assert (second["TransactionStatus"], second["Amount"]) == ("Completed", "49")
