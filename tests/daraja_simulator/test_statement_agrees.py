"""After random transactions with charges and sweeps, every statement agrees with the ledger to the cent."""

import random
from decimal import Decimal

import pytest

from .receiver import Receiver
from .shop import Shop
from .test_conservation import PHONES, send_random_request, total
from .test_statement import lines_of, money, preamble_of, table_of

ACCOUNTS = ("working", "float", "utility", "charges", "settlement")


def exact(shop: Shop) -> Decimal:
    """Return the sum of everything, exact to the cent although JSON has floats."""
    outside = shop.ledger()["outside"]
    return round(Decimal(total(shop)) + Decimal(outside["fees"]) + Decimal(outside["bank"]), 2)


def random_step(shop: Shop, draw: random.Random) -> None:
    kind = draw.randrange(5)
    if kind == 0:
        amount = f"{draw.randrange(1, 3000)}.{draw.randrange(100):02d}"
        shop.pay_by_c2b(msisdn=draw.choice(PHONES), amount=amount)
    elif kind == 1:
        target = draw.choice(["settlement", "working", "bank"])
        shop.call("POST", "/simulator/sweeps", json={"to": target, "amount": str(draw.randrange(1, 500))})
    else:
        send_random_request(shop, draw)


@pytest.mark.parametrize("charged", ["utility", "charges"])
def test_statements_agree_with_the_ledger(shop: Shop, receiver: Receiver, charged: str) -> None:
    assert shop.token
    draw = random.Random(charged)
    shop.options(charges="shared", charges_account=charged, b2c_charge_receipt="own")
    for phone in PHONES:
        shop.simulator.post("/simulator/customers", {"msisdn": phone, "balance": 20_000})
    before = exact(shop)
    for _ in range(80):
        random_step(shop, draw)
        shop.advance(draw.choice([0, 2]))
    shop.advance(120)
    assert exact(shop) == before
    accounts = shop.ledger()["accounts"]
    for account in ACCOUNTS:
        lines = lines_of(shop, account=account)
        top, rows = preamble_of(lines), table_of(lines, "Receipt No.")
        balance = money(top["Opening Balance:"])
        for row in reversed(rows):
            balance += money(row["Paid In"]) + money(row["Withdrawn"])
            assert money(row["Balance"]) == balance
        assert money(top["Closing Balance:"]) == balance == Decimal(str(accounts[account]))
    listed = shop.simulator.get("/simulator/transactions")
    everything = lines_of(shop, shape="B")
    assert len(everything) - 1 == listed["total"] > 40
