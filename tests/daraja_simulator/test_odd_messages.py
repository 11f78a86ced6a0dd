"""Messages that are odd: C2B bytes, STK callbacks without parts, results that wait, unknown codes."""

import json
import re
from typing import Any

import pytest

from daraja_simulator.faults import FAULTS
from daraja_simulator.odd_bodies import KINDS

from .receiver import Receiver
from .shop import PHONE, Shop


def stated(raw: bytes, name: str) -> set[bytes]:
    """Return every value that the bytes state for a field."""
    return set(re.findall(rb'"%s": "([^"]*)"' % name.encode(), raw))


def odd_payment(shop: Shop, receiver: Receiver, kind: str, **payment: Any) -> tuple[str, bytes]:
    shop.script(operation="c2b", odd=kind)
    receipt = shop.pay_by_c2b(**({"amount": 1300} | payment))["transId"]
    return receipt, receiver.posts[-1]["raw"]


@pytest.mark.parametrize("kind", KINDS)
def test_an_odd_confirmation_states_the_money(shop: Shop, receiver: Receiver, kind: str) -> None:
    shop.register()
    receipt, raw = odd_payment(shop, receiver, kind)
    amount = b"1,300.00" if kind == "thousands" else b"1300.00"
    assert stated(raw, "TransID") == {receipt.encode()}
    assert stated(raw, "TransAmount") == {amount}
    assert stated(raw, "BillRefNumber") == {b"INV-7"}
    [attempt] = shop.ledger()["callbacks"]
    assert (attempt["odd"], attempt["body"]["TransAmount"]) == (kind, "1300.00")


def test_what_is_odd(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    raw = {kind: odd_payment(shop, receiver, kind)[1] for kind in KINDS}
    with pytest.raises(UnicodeDecodeError):
        raw["latin1_name"].decode()
    assert b'"LastName": "JOS\xc9"' in raw["latin1_name"]
    assert b'"CUS\tTOMER"' in raw["raw_tab"]
    assert b'"CUS\nTOMER"' in raw["raw_newline"]
    assert b"CUSTOMER\\ud83d" in raw["half_surrogate"]
    assert "BusinessShortCode" not in json.loads(raw["no_shortcode"])
    assert raw["doubled_keys"].count(b'"TransID"') == raw["doubled_keys"].count(b'"FirstName"') == 2
    for kind in ("raw_tab", "raw_newline", "trailing_bytes"):
        with pytest.raises(ValueError, match=r"control character|Extra data"):
            json.loads(raw[kind])


def test_odd_bytes_at_a_rate(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    shop.options(faults={"c2b.odd_bytes": 0.5})
    for _ in range(40):
        shop.pay_by_c2b(amount=999)
    drawn = [attempt.get("odd") for attempt in shop.ledger()["callbacks"]]
    assert 10 <= drawn.count(None) <= 30
    assert set(drawn) - {None} <= set(KINDS) - {"thousands"}
    shop.paid()
    assert "odd" not in shop.ledger()["callbacks"][-1]


def test_the_confirmation_of_a_push_can_be_odd(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    shop.script(operation="stk_push", odd="no_shortcode")
    shop.paid()
    assert "BusinessShortCode" not in receiver.posts[-1]["body"]


def test_a_resent_confirmation_has_the_same_bytes(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    receipt, raw = odd_payment(shop, receiver, "latin1_name")
    shop.simulator.post("/simulator/callbacks/resend", {"transId": receipt})
    assert receiver.posts[-1]["raw"] == raw


def test_a_callback_without_merchant_request_id(shop: Shop, receiver: Receiver) -> None:
    shop.script(fault="callback_without_merchant_id")
    receipt = shop.paid()
    [callback] = receiver.stk()
    assert "MerchantRequestID" not in callback
    assert receipt in json.dumps(callback["CallbackMetadata"])


def test_a_success_without_metadata(shop: Shop, receiver: Receiver) -> None:
    shop.options(faults={"callback_without_metadata": 1})
    shop.paid()
    shop.prompt(shop.pushed(), "cancel")
    paid, canceled = receiver.stk()
    assert (paid["ResultCode"], "CallbackMetadata" in paid) == (0, False)
    assert canceled["ResultCode"] == 1032
    assert len(shop.ledger()["debits"]) == 1


def test_a_command_can_wait_before_its_result(shop: Shop, receiver: Receiver) -> None:
    shop.options(faults={"commands.waiting_first": 1})
    shop.b2c()
    shop.b2b()
    shop.advance(1.5)
    waiting = receiver.results()
    assert [str(result["ResultType"]) for result in waiting] == ["1", "1"]
    assert {str(result["ResultCode"]) for result in waiting} <= {"0", "1"}
    ledger = shop.ledger()
    assert ledger["credits"] + ledger["transfers"] == []
    assert [attempt["kind"] for attempt in ledger["callbacks"]] == ["b2c_waiting", "b2b_waiting"]
    shop.advance(2)
    final = receiver.results()[2:]
    assert [(str(result["ResultType"]), str(result["ResultCode"])) for result in final] == [("0", "0")] * 2
    assert len(shop.ledger()["credits"]) == 1


def test_a_result_that_came_meanwhile_is_not_followed_by_a_wait(shop: Shop, receiver: Receiver) -> None:
    shop.script(operation="b2c", fault="waiting_first")
    key = shop.b2c().json()["ConversationID"]
    shop.simulator.post(f"/simulator/commands/{key}/complete")
    shop.advance(5)
    assert [result["ResultType"] for result in receiver.results()] == [0]


def test_a_group_of_faults_is_checked(shop: Shop) -> None:
    assert "waiting_first" in FAULTS
    for name in ("commands.nonsense", "payments.waiting_first"):
        answer = shop.call("POST", "/simulator/options", json={"faults": {name: 1}})
        assert answer.status_code == 400


@pytest.mark.parametrize("code", ["TP40153", "77", "SFC_IC9999"])
def test_unknown_codes_by_script(shop: Shop, receiver: Receiver, code: str) -> None:
    shop.script(operation="b2c", outcome=code)
    shop.script(operation="stk_push", outcome=code)
    shop.b2c()
    shop.pushed()
    shop.advance(3)
    assert [str(result["ResultCode"]) for result in receiver.results()] == [code]
    assert [str(callback["ResultCode"]) for callback in receiver.stk()] == [code]
    assert shop.ledger()["shop"] == []


def test_a_wrong_pin_reads_as_one(shop: Shop, receiver: Receiver) -> None:
    shop.script(outcome="wrong_pin")
    shop.pushed()
    shop.advance(3)
    shop.prompt(shop.pushed(), "outcome", resultCode="wrong_pin")
    for callback in receiver.stk():
        assert callback["ResultCode"] == 2001
        assert callback["ResultDesc"] == "The initiator information is invalid."
    messages = shop.simulator.get(f"/simulator/phone/{PHONE}/state")["messages"]
    assert messages == ["Failed. You entered a wrong PIN."] * 2
    assert "(You entered a wrong PIN.)" in shop.call("GET", "/simulator/").text


@pytest.mark.parametrize("odd", ["nonsense", 1])
def test_an_unknown_kind_of_odd_bytes(shop: Shop, odd: Any) -> None:
    answer = shop.call("POST", "/simulator/script", json={"for": "c2b", "odd": odd})
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("'odd' must be one of latin1_name")
