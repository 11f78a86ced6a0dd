"""Concurrent requests: one prompt per phone, one debit per prompt, and a consistent ledger."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from daraja_simulator import SimulatorOptions, SimulatorServer

from .receiver import Receiver
from .shop import PHONE, REVERSAL, Shop


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def test_one_phone_gets_one_prompt(shop: Shop) -> None:
    assert shop.token
    answers = at_once(20, lambda _: shop.push().status_code)
    assert sorted(answers) == [200] + [500] * 19


def test_one_id_gets_one_payout(shop: Shop) -> None:
    body = shop.b2c_body()
    assert shop.token
    path = "/mpesa/b2c/v3/paymentrequest"
    answers = at_once(20, lambda _: shop.daraja(path, body).status_code)
    assert sorted(answers) == [200] + [500] * 19
    shop.advance(2)
    assert len(shop.ledger()["credits"]) == 1


def test_one_payment_is_reversed_once(shop: Shop, receiver: Receiver) -> None:
    body = shop.reversal_body(TransactionID=shop.paid())
    shop.options(faults={"reversal.callback_before_answer": 1})
    at_once(20, lambda _: shop.daraja(REVERSAL, body))
    codes = [str(result["ResultCode"]) for result in receiver.results()]
    assert sorted(codes) == ["0"] + ["R000001"] * 19
    assert len(shop.ledger()["credits"]) == 1


def test_one_balance_is_spent_once(shop: Shop) -> None:
    shop.simulator.post("/simulator/customers", {"msisdn": PHONE, "balance": 12})
    states = at_once(20, lambda _: shop.pay_by_c2b()["state"])
    assert sorted(states) == ["completed"] * 2 + ["rejected"] * 18
    assert sum(debit["amount"] for debit in shop.ledger()["debits"]) == 10


def test_one_prompt_is_paid_once(shop: Shop, receiver: Receiver) -> None:
    checkout = shop.pushed()
    acts = ("pin", "cancel", "expire", "outcome")
    path = f"/simulator/prompts/{checkout}/"
    at_once(20, lambda n: shop.call("POST", path + acts[n % 4], json={"pin": "0000"}))
    assert len(receiver.posts) == 1
    paid = receiver.stk()[0]["ResultCode"] == 0
    assert len(shop.ledger()["debits"]) == paid


def test_many_customers_at_once(receiver: Receiver) -> None:
    options = SimulatorOptions(pay_after=0.01, seed=1, faults={"callback_doubled": 0.5})
    with SimulatorServer(options) as simulator:
        shop = Shop(simulator, receiver)
        assert shop.token
        at_once(16, lambda n: [shop.pushed(phone=f"2547123{n:02d}{m:03d}") for m in range(10)])
        doubled = sum("callback_doubled" in item["faults"] for item in shop.ledger()["prompts"])
        receiver.wait_for(160 + doubled)
        ledger = shop.ledger()
    assert 50 < doubled < 110
    assert len({item["receipt"] for item in ledger["debits"]}) == 160
    assert ledger["accounts"]["utility"] == 100_000_000 + 160 * 100
    assert len(receiver.posts) == 160 + doubled
