"""Outcomes by number, amount, PIN and control API."""

import pytest

from daraja_simulator import outcomes

from .receiver import Receiver
from .shop import PHONE, Shop


@pytest.mark.parametrize(
    ("digits", "codes"),
    [
        ("990001", [1]),
        ("990017", [17]),
        ("991001", [1001]),
        ("991019", [1019]),
        ("991025", [1025]),
        ("991032", [1032]),
        ("991037", [1037]),
        ("992001", [2001]),
        ("998006", [8006]),
        ("999999", [9999]),
        ("999003", ["SFC_IC0003"]),
        ("997000", []),
        ("997002", [0, 0]),
        ("997037", [1037, 0]),
        ("997408", [0]),
        ("997777", [1037]),
        ("992040", [0]),
        ("990000", [0]),
        ("001032", [0]),
    ],
)
def test_a_number_chooses_the_outcome(
    shop: Shop, receiver: Receiver, digits: str, codes: list[int | str]
) -> None:
    shop.pushed(phone=f"254712{digits}")
    shop.advance(70)
    assert [callback["ResultCode"] for callback in receiver.stk()] == codes


@pytest.mark.parametrize(
    ("amount", "code"), [(240_001, 1), (241_032, 1032), (240_000, 0), (250_000, 0), (240_005, 0)]
)
def test_an_amount_chooses_the_outcome(shop: Shop, receiver: Receiver, amount: int, code: int) -> None:
    shop.pushed(Amount=amount)
    shop.advance(70)
    assert receiver.stk()[0]["ResultCode"] == code


def test_the_number_has_priority_over_the_amount(shop: Shop, receiver: Receiver) -> None:
    shop.pushed(phone="254712992001", Amount=241_032)
    shop.advance(5)
    assert receiver.stk()[0]["ResultCode"] == 2001


def test_an_unreachable_phone_takes_26_seconds(shop: Shop, receiver: Receiver) -> None:
    shop.pushed(phone="254712991037")
    shop.advance(25)
    assert not receiver.posts
    shop.advance(2)
    assert receiver.stk()[0]["ResultCode"] == 1037


def test_late_success(shop: Shop, receiver: Receiver) -> None:
    checkout = shop.pushed(phone="254712997037")
    shop.advance(3)
    assert [callback["ResultCode"] for callback in receiver.stk()] == [1037]
    assert shop.query(checkout).json()["ResultCode"] == "1037"
    assert shop.ledger()["debits"] == []
    shop.advance(5)
    assert [callback["ResultCode"] for callback in receiver.stk()] == [1037, 0]
    assert shop.query(checkout).json()["ResultCode"] == "0"
    assert len(shop.ledger()["debits"]) == 1


def test_a_late_success_without_money_stays_a_failure(shop: Shop, receiver: Receiver) -> None:
    shop.simulator.post("/simulator/customers", {"msisdn": "254712997037", "balance": 99})
    shop.pushed(phone="254712997037")
    shop.advance(60)
    assert [callback["ResultCode"] for callback in receiver.stk()] == [1037]


def test_paying_late_by_control_api(shop: Shop, receiver: Receiver) -> None:
    checkout = shop.pushed()
    path = f"/simulator/prompts/{checkout}/outcome"
    assert shop.call("POST", path, json={"late": True}).status_code == 409
    shop.prompt(checkout, "expire")
    done = shop.prompt(checkout, "outcome", late=True)
    assert done["prompt"]["state"] == "paid"
    assert [callback["ResultCode"] for callback in receiver.stk()] == [1037, 0]
    assert shop.call("POST", path, json={"late": True}).status_code == 409


def test_the_pin(shop: Shop, receiver: Receiver) -> None:
    shop.simulator.post("/simulator/customers", {"msisdn": PHONE, "pin": "4321", "balance": 500})
    done = shop.prompt(shop.pushed(), "pin", pin="4321")
    assert done["prompt"]["state"] == "paid"
    assert done["callbacks"][0]["status"] == 200
    assert done["callbacks"][0]["body"] == receiver.posts[0]["body"]
    for pin in ("0000", "1", "", "4321"):
        shop.prompt(shop.pushed(), "pin", pin=pin)
    shop.prompt(shop.pushed(), "outcome", resultCode=0)
    codes = [callback["ResultCode"] for callback in receiver.stk()]
    assert codes == [0, 2001, 2001, 2001, 8006, 8006]
    customer = shop.simulator.get("/simulator/customers")["customers"][0]
    assert customer == {"msisdn": PHONE, "pin": "4321", "balance": 400, "locked": True}


def test_a_right_pin_resets_the_count(shop: Shop, receiver: Receiver) -> None:
    for pin in ("1", "1", "0000", "1", "1", "0000"):
        shop.prompt(shop.pushed(), "pin", pin=pin)
    assert [callback["ResultCode"] for callback in receiver.stk()] == [2001, 2001, 0] * 2


def test_an_unknown_customer_enters_a_pin(shop: Shop, receiver: Receiver) -> None:
    shop.options(strict_customers=True)
    shop.prompt(shop.pushed(), "pin", pin="0000")
    assert receiver.stk()[0]["ResultCode"] == 1037


def test_an_ended_prompt_stays_ended(shop: Shop, receiver: Receiver) -> None:
    checkout = shop.pushed()
    shop.prompt(checkout, "pin", pin="0000")
    for act in ("pin", "cancel", "expire", "outcome"):
        answer = shop.call("POST", f"/simulator/prompts/{checkout}/{act}")
        assert answer.status_code == 409
        assert answer.json() == {"error": "the prompt is already paid"}
    shop.advance(100)
    assert len(receiver.posts) == 1
    assert shop.call("POST", "/simulator/prompts/nothing/pin").status_code == 404


def test_customers_and_shop_agree(shop: Shop) -> None:
    shop.simulator.post("/simulator/customers", {"msisdn": PHONE, "balance": 1000})
    shop.prompt(shop.pushed(Amount=300), "outcome")
    shop.prompt(shop.pushed(Amount=800), "outcome")
    shop.b2c(Amount=120)
    shop.advance(2)
    ledger = shop.ledger()
    assert [item["amount"] for item in ledger["debits"]] == [300]
    assert [item["amount"] for item in ledger["credits"]] == [120]
    assert [item["amount"] for item in ledger["shop"]] == [300, -120]
    assert ledger["accounts"]["utility"] == 100_000_180 == ledger["shop"][-1]["balance"]
    assert shop.simulator.get("/simulator/customers")["customers"][0]["balance"] == 820
    receipts = [item["receipt"] for item in ledger["debits"] + ledger["credits"]]
    assert len(set(receipts)) == 2


def test_the_table_names_every_code_once() -> None:
    digits = [row[0] for row in outcomes.table()]
    assert len(digits) == len(set(digits))
    assert {"0001", "1032", "1037", "7777", "9003"} <= set(digits)
    assert ("2040", "paid", "2040 " + outcomes.B2C_TEXTS[2040]) in outcomes.table()


def test_a_script_sets_the_time_until_the_payment(shop: Shop, receiver: Receiver) -> None:
    shop.script(pay_after=30)
    shop.pushed()
    shop.advance(29)
    assert not receiver.posts
    shop.advance(2)
    assert receiver.stk()[0]["ResultCode"] == 0
