"""C2B money of the simulator's ledger against what is stored: both ways, to the cent, with M-Pesa's time."""

from datetime import datetime
from typing import Any

import pytest

from mpesa_service.verification.common import Tally
from mpesa_service.verification.simulator_ledger import verify_ledger
from tests.orders.test_expected import expect_order
from tests.support import PHONE, Service
from tests.verification.support import change


@pytest.fixture
def shop(service: Service) -> Service:
    """Sells by C2B, at the simulator's time."""
    clock = service.simulator.post("/simulator/clock/advance", {"seconds": 0})
    service.clock.now = datetime.fromisoformat(clock["now"])
    service.call("POST", "/c2b/register", {}, by="boss", admin=True)
    expect_order(service, amount=50)
    return service


def pay(shop: Service, amount: Any = 50, account: str = "order 1", **script: Any) -> str:
    if script:
        shop.simulator.post("/simulator/script", {"for": "c2b", "msisdn": PHONE, **script})
    body = {"msisdn": PHONE, "amount": amount, "billRefNumber": account}
    return str(shop.simulator.post("/simulator/c2b", body)["transId"])


def against(shop: Service, ledger: dict[str, Any] | None = None, *, settled: bool = True) -> set[str]:
    violations = verify_ledger(shop.runtime, ledger or shop.ledger(), settled=settled)
    return {f"{one.invariant} {one.subject}: {one.sentence}" for one in violations}


def test_money_that_is_known(shop: Service) -> None:
    for amount, account in ((50, "order 1"), (70, "nobody's"), ("70.75", "order 1")):
        pay(shop, amount, account)
    tally = Tally()
    assert list(verify_ledger(shop.runtime, shop.ledger(), settled=True, tally=tally)) == []
    assert tally.counts["C2B debits"] == 3


@pytest.mark.parametrize(("amount", "cents"), [(50, "50.00"), ("100.50", "100.50")])
def test_a_lost_confirmation(shop: Service, amount: Any, cents: int) -> None:
    receipt = pay(shop, amount, fault="confirmation_lost")
    sentence = f"the customer paid {cents} shillings, and nothing here has this receipt"
    assert against(shop) == {f"money_is_known {receipt}: {sentence}"}
    # Before everything is settled, the confirmation may be on its way.
    assert against(shop, settled=False) == set()


def test_another_amount_of_cents(shop: Service) -> None:
    receipt = pay(shop, "100.50")
    change(shop, "UPDATE c2b_confirmations SET amount_cents = 10051")
    sentence = "the customer paid 100.50 shillings, but 100.51 are stored"
    assert against(shop) == {f"money_is_known {receipt}: {sentence}"}


def test_money_that_nobody_paid(shop: Service) -> None:
    pay(shop)
    ledger = shop.ledger()
    [debit] = ledger["debits"]
    ledger["debits"] = [{**debit, "receipt": "UNKNOWN001"}]
    broken = {one.partition(":")[0] for one in against(shop, ledger)}
    assert f"money_exists {debit['receipt']}" in broken
    assert "money_is_known UNKNOWN001" in broken


def test_another_time_than_that_of_the_money(shop: Service) -> None:
    receipt = pay(shop)
    change(shop, "UPDATE payments SET paid_at = '2026-11-28 09:00:00'")
    [found] = against(shop)
    assert found.startswith(f"money_is_known {receipt}: its time of payment is 2026-11-28 12:00:00")
    assert "by confirmation, but the money moved" in found


def test_a_payment_without_a_stated_time(shop: Service) -> None:
    pay(shop)
    change(shop, "UPDATE payments SET paid_at = NULL, paid_at_source = NULL")
    assert against(shop) == set()
