"""The demo's second act: which callbacks are in trouble, and that no difference between the books passes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests_mock

from devtools import trouble
from devtools.books import debits_of, first_difference, paid_amounts
from devtools.client import Counterparts
from devtools.narration import Narrator
from devtools.place import Ready
from devtools.problems import ChildDied, StepFailed
from devtools.stopping import StopRequest
from devtools.trouble import ManyPayments, Trouble, sales

READY = Ready("http://service", "http://simulator", "user", "admin", 1)
TWO = Trouble(lost=50, doubled=50, payments=2, seed=1)


class TestSales:
    def test_the_shares_are_kept(self):
        fates = Counter(sale.callback for sale in sales(Trouble(20, 30, 30, 1)))
        assert fates == {"lost": 6, "doubled": 9, None: 15}

    @pytest.mark.parametrize(("lost", "doubled", "payments"), [(50, 50, 3), (100, 0, 7), (0, 100, 1)])
    def test_there_are_as_many_as_wished(self, lost: int, doubled: int, payments: int):
        assert len(sales(Trouble(lost, doubled, payments, 1))) == payments

    def test_a_seed_repeats_the_draw(self):
        assert sales(Trouble(20, 30, 30, 1)) == sales(Trouble(20, 30, 30, 1))
        assert sales(Trouble(20, 30, 30, 1)) != sales(Trouble(20, 30, 30, 2))

    def test_no_phone_number_chooses_an_outcome_or_comes_twice(self):
        phones = {sale.msisdn for sale in sales(Trouble(20, 30, 200, 1))}
        assert len(phones) == 200
        assert not any(phone[-6:].startswith("99") for phone in phones)


class TestBooks:
    def test_amounts(self):
        debits = [{"receipt": "A", "amount": 9, "msisdn": "1"}, {"receipt": "B", "amount": 5, "msisdn": "1"}]
        assert debits_of({"debits": debits}, "1") == [5, 9]
        assert debits_of({"debits": debits}, "2") == []
        payments = [{"status": "failed", "amount": 7}, {"status": "succeeded", "amount": 5}]
        assert paid_amounts(payments) == [5]

    def test_differences(self):
        assert first_difference({"a": {"O": [1]}, "b": {"O": [1]}}) is None
        assert first_difference({"a": {"O": [1, 1]}, "b": {"O": [1]}}) == "of O they say: a 1 and 1, b 1"
        assert first_difference({"a": {}, "b": {"O": [1]}}) == "of O they say: a nothing, b 1"


class World:
    """Answers of all three counterparts about two payments that went well."""

    def __init__(self, wire: requests_mock.Mocker) -> None:
        self.sales = sales(TWO)
        self.scripts: list[Any] = []
        wire.post("http://simulator/simulator/script", json=self._script)
        wire.post("http://service/api/mpesa/initiate", status_code=201, json={"data": {}})
        wire.get("http://simulator/simulator/ledger", json=lambda *_: {"debits": self.debits})
        wire.get("http://orders/orders", json=lambda *_: self.orders)
        for sale in self.sales:
            wire.get(f"http://service/api/mpesa/order/{sale.order}", json=self._payments)
        self.debits = [
            {"receipt": sale.order, "amount": sale.amount, "msisdn": sale.msisdn} for sale in self.sales
        ]
        self.records = {
            sale.order: [{"status": "succeeded", "amount": sale.amount, "evidence": "query"}]
            for sale in self.sales
        }
        self.orders = [
            {"id": sale.order, "status": "fulfilled", "amount": sale.amount, "events": 1}
            for sale in self.sales
        ]

    def _script(self, request: Any, _context: Any) -> Any:
        self.scripts.append(request.json())
        return {}

    def _payments(self, request: Any, _context: Any) -> Any:
        return {"data": {"attempts": self.records[request.path.rpartition("/")[2].upper()]}}


@pytest.fixture
def world(wire: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch) -> World:
    for name in ("_PATIENCE", "_LOOK", "_REST"):
        monkeypatch.setattr(trouble, name, 0.02)
    return World(wire)


@pytest.fixture
def act(world: World, narrator: Narrator) -> Iterator[ManyPayments]:
    with StopRequest() as stop, closing(Counterparts(READY, "http://orders")) as counterparts:
        yield ManyPayments(counterparts, narrator, stop, TWO, lambda: None)


class TestTelling:
    def test_all_is_well(self, act: ManyPayments, world: World, paper):
        act.tell()
        assert "All three agree" in paper.getvalue()
        assert {script["callback"] for script in world.scripts} == {"lost", "doubled"}
        assert "settled      2 by query" in paper.getvalue()

    def test_a_debit_that_nobody_knows_of(self, act: ManyPayments, world: World):
        world.debits.append({**world.debits[0], "receipt": "SECOND"})
        with pytest.raises(StepFailed, match=r"M-Pesa's ledger (\d+) and \1, service's record"):
            act.tell()

    def test_a_payment_that_is_never_settled(self, act: ManyPayments, world: World, paper):
        world.records["ORDER001"][0]["status"] = "pending"
        del world.orders[0]
        with pytest.raises(StepFailed, match=r"of ORDER001 .* service's record nothing, order service not"):
            act.tell()
        assert "1/2" in paper.getvalue()

    def test_all_agree_on_another_amount_than_was_asked(self, act: ManyPayments, world: World):
        for row in (world.debits[0], world.records["ORDER001"][0], world.orders[0]):
            row["amount"] = 7
        with pytest.raises(StepFailed, match=r"of ORDER001 they say: the shop \d+, M-Pesa's ledger 7"):
            act.tell()

    def test_one_that_was_announced_twice(self, act: ManyPayments, world: World):
        world.orders[1]["events"] = 2
        with pytest.raises(StepFailed, match="ORDER002 was announced 2 times, not once"):
            act.tell()

    def test_a_program_that_dies_is_noticed(self, act: ManyPayments, world: World):
        def died() -> None:
            raise ChildDied("The worker ended by itself", [])

        act._check = died
        del world.orders[0]
        with pytest.raises(ChildDied):
            act.tell()
