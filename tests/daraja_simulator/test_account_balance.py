"""Account balance: the checks of the request, and the result."""

import re
from typing import Any

import pytest

from .receiver import Receiver
from .shop import BALANCE, Shop, parameters


def test_the_balances_are_those_of_the_ledger(shop: Shop, receiver: Receiver) -> None:
    shop.paid(Amount=700)
    shop.b2c()
    shop.advance(1.1)
    answer = shop.balance()
    assert answer.status_code == 200
    body = answer.json()
    assert (body["ResponseCode"], len(body)) == ("0", 4)
    shop.advance(1.1)
    assert receiver.posts[-1]["path"] == "/balance"
    result = receiver.results()[-1]
    assert (result["ResultType"], result["ResultCode"]) == ("0", "0")
    assert result["OriginatorConversationID"] == body["OriginatorConversationID"]
    assert result["ConversationID"] == body["ConversationID"]
    assert re.fullmatch(r"[A-Z]{2}[1-9A-V]0000000", result["TransactionID"])
    assert result["ReferenceData"]["ReferenceItem"]["Key"] == "QueueTimeoutURL"
    reported = parameters(result)
    assert re.fullmatch(r"\d{14}", reported.pop("BOCompletedTime"))
    assert reported == {
        "AccountBalance": "Working Account|KES|0.00|0.00|0.00|0.00"
        "&Float Account|KES|0.00|0.00|0.00|0.00"
        "&Utility Account|KES|100000650.00|100000650.00|0.00|0.00"
        "&Charges Paid Account|KES|0.00|0.00|0.00|0.00"
        "&Organization Settlement Account|KES|0.00|0.00|0.00|0.00"
    }
    assert shop.ledger()["callbacks"][-1]["kind"] == "balance_result"


def test_the_result_reports_the_state_at_its_time(shop: Shop, receiver: Receiver) -> None:
    shop.options(balance_after=30)
    shop.balance()
    shop.advance(29)
    assert not receiver.posts
    shop.paid()
    shop.advance(2)
    assert "Utility Account|KES|100000100.00|" in parameters(receiver.results()[0])["AccountBalance"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Initiator", None),
        ("SecurityCredential", None),
        ("CommandID", "Balance"),
        ("PartyA", None),
        ("IdentifierType", "1"),
        ("Remarks", None),
        ("Remarks", "x" * 101),
        ("QueueTimeOutURL", "nowhere"),
        ("ResultURL", None),
    ],
)
def test_the_error_names_an_invalid_field(shop: Shop, field: str, value: Any) -> None:
    answer = shop.balance(**{field: value})
    assert answer.status_code == 400
    assert answer.json()["errorMessage"] == f"Bad Request - Invalid {field}"
    assert shop.simulator.get("/simulator/commands")["commands"] == []


def test_the_error_repeats_an_invalid_token(shop: Shop) -> None:
    answer = shop.call("POST", BALANCE, json={}, headers={"Authorization": "Bearer stale"})
    assert (answer.status_code, answer.json()["errorCode"]) == (401, "401.002.01")
    assert answer.json()["errorMessage"] == "Error Occurred - Invalid Access Token - stale"


def test_the_result_reports_a_wrong_initiator(shop: Shop, receiver: Receiver) -> None:
    shop.balance(secret="wrong")
    shop.advance(1.1)
    (result,) = receiver.results()
    assert (result["ResultType"], result["ResultCode"]) == ("0", "2001")
    assert result["ResultDesc"] == "The initiator information is invalid."
    assert "ResultParameters" not in result


def test_a_queue_time_out(shop: Shop, receiver: Receiver) -> None:
    body = shop.balance_body()
    shop.options(faults={"account_balance.queue_timeout": 1})
    shop.daraja(BALANCE, body)
    shop.advance(60)
    (reported,) = receiver.posts
    assert (reported["path"], reported["body"]) == ("/timeout", body)
    (callback,) = shop.ledger()["callbacks"]
    assert callback["kind"] == "balance_timeout"
    (query,) = shop.simulator.get("/simulator/commands")["commands"]
    assert (query["kind"], query["state"]) == ("balance", "timed_out")


def test_a_scripted_code_and_each_callback_fault(shop: Shop, receiver: Receiver) -> None:
    shop.script(operation="account_balance", outcome="26", callback="before_answer")
    shop.balance()
    assert receiver.results()[0]["ResultCode"] == "26"
    for callback in ("lost", "delayed", "doubled"):
        shop.script(operation="account_balance", callback=callback)
        shop.balance()
    shop.advance(1.1)
    assert len(receiver.results()) == 3
    shop.advance(21)
    assert len(receiver.results()) == 4
