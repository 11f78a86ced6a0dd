"""The sum over all accounts never changes."""

import random

import pytest

from .receiver import Receiver
from .shop import Shop

PHONES = [f"2547123456{number:02d}" for number in range(6)]


def total(shop: Shop) -> int:
    ledger = shop.ledger()
    customers = shop.simulator.get("/simulator/customers")["customers"]
    return sum(
        [
            *(customer["balance"] for customer in customers),
            *ledger["accounts"].values(),
            *ledger["organizations"].values(),
        ]
    )


def send_random_request(shop: Shop, draw: random.Random) -> None:
    """Send one random request, which may be an invalid one."""
    phone, amount = draw.choice(PHONES), draw.choice([10, 50, 100, 250_000])
    receipts = [debit["receipt"] for debit in shop.ledger()["debits"]] or ["SG632NMUAB"]
    key = f"payout-{draw.random()}"
    kind = draw.randrange(7)
    if kind == 0:
        shop.push(phone=phone, Amount=amount)
    elif kind == 1:
        shop.simulate(Msisdn=phone, Amount=amount)
    elif kind == 2:
        shop.pay_by_c2b(msisdn=phone, amount=amount)
    elif kind == 3:
        shop.b2c(OriginatorConversationID=key, PartyB=phone, Amount=amount)
    elif kind == 4:
        shop.pochi(OriginatorConversationID=key, PartyB=phone, Amount=amount)
    elif kind == 5:
        shop.b2b(Amount=amount)
    else:
        shop.reversal(TransactionID=draw.choice(receipts), Amount=draw.choice([10, 50, 100]))


@pytest.mark.parametrize("seed", range(3))
def test_the_sum_never_changes(shop: Shop, receiver: Receiver, seed: int) -> None:
    assert shop.token
    faults = ("late_success", "queue_timeout", "reversal_spent", "callback_doubled", "error_5xx_after")
    shop.options(seed=seed, faults=dict.fromkeys(faults, 0.1))
    for phone in PHONES:
        shop.simulator.post("/simulator/customers", {"msisdn": phone, "balance": 1000})
    before, draw = total(shop), random.Random(seed)
    for _ in range(60):
        send_random_request(shop, draw)
        shop.advance(draw.choice([0, 2]))
        assert total(shop) == before
    shop.advance(120)
    ledger = shop.ledger()
    assert total(shop) == before
    assert sum(line["amount"] for line in ledger["shop"]) == ledger["accounts"]["utility"] - 100_000_000
    lines = [*ledger["debits"], *ledger["credits"], *ledger["transfers"]]
    assert len({line["receipt"] for line in lines}) == len(lines) == len(ledger["shop"])
    moved = {line["kind"] for line in lines}
    assert moved == {"stk", "c2b", "b2c", "b2pochi", "reversal", "BusinessPayBill"}
