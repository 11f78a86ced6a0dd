"""The demo's second scenario: which callbacks have faults, and that every difference is found."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests_mock

from devtools import fault_scenario
from devtools.comparison import debits_of, first_difference, paid_amounts
from devtools.console_output import ConsoleOutput
from devtools.demo_client import DemoClient
from devtools.errors import ProcessExited, StepFailed
from devtools.fault_scenario import FaultScenario, FaultSettings, sales
from devtools.running_stack import RunningStack
from devtools.stop_request import StopRequest

READY = RunningStack("http://service", "http://simulator", "user", "admin", 1)
TWO = FaultSettings(lost=50, doubled=50, payments=2, seed=1)


class TestSales:
    def test_the_percentages_are_kept(self):
        faults = Counter(sale.callback for sale in sales(FaultSettings(20, 30, 30, 1)))
        assert faults == {"lost": 6, "doubled": 9, None: 15}

    @pytest.mark.parametrize(("lost", "doubled", "payments"), [(50, 50, 3), (100, 0, 7), (0, 100, 1)])
    def test_the_number_of_payments(self, lost: int, doubled: int, payments: int):
        assert len(sales(FaultSettings(lost, doubled, payments, 1))) == payments

    def test_a_seed_repeats_the_draw(self):
        assert sales(FaultSettings(20, 30, 30, 1)) == sales(FaultSettings(20, 30, 30, 1))
        assert sales(FaultSettings(20, 30, 30, 1)) != sales(FaultSettings(20, 30, 30, 2))

    def test_phone_numbers_are_unique_and_choose_no_outcome(self):
        phones = {sale.msisdn for sale in sales(FaultSettings(20, 30, 200, 1))}
        assert len(phones) == 200
        assert not any(phone[-6:].startswith("99") for phone in phones)


class TestComparison:
    def test_amounts(self):
        debits = [{"receipt": "A", "amount": 9, "msisdn": "1"}, {"receipt": "B", "amount": 5, "msisdn": "1"}]
        assert debits_of({"debits": debits}, "1") == [5, 9]
        assert debits_of({"debits": debits}, "2") == []
        payments = [{"status": "failed", "amount": 7}, {"status": "succeeded", "amount": 5}]
        assert paid_amounts(payments) == [5]

    def test_differences(self):
        assert first_difference({"a": {"O": [1]}, "b": {"O": [1]}}) is None
        assert (
            first_difference({"a": {"O": [1, 1]}, "b": {"O": [1]}})
            == "the amounts of O differ: a 1 and 1, b 1"
        )
        assert first_difference({"a": {}, "b": {"O": [1]}}) == "the amounts of O differ: a nothing, b 1"


class Stubs:
    """Answers of all three client about two payments that went well."""

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
def stubs(wire: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch) -> Stubs:
    for name in ("_TIMEOUT", "_POLL_INTERVAL", "_EXTRA_WAIT"):
        monkeypatch.setattr(fault_scenario, name, 0.02)
    return Stubs(wire)


@pytest.fixture
def scenario(stubs: Stubs, output: ConsoleOutput) -> Iterator[FaultScenario]:
    with StopRequest() as stop, closing(DemoClient(READY, "http://orders")) as client:
        yield FaultScenario(client, output, stop, TWO, lambda: None)


class TestRun:
    def test_success(self, scenario: FaultScenario, stubs: Stubs, printed):
        scenario.run()
        assert "All three agree" in printed.getvalue()
        assert {script["callback"] for script in stubs.scripts} == {"lost", "doubled"}
        assert "settled      2 by query" in printed.getvalue()

    def test_an_unknown_debit(self, scenario: FaultScenario, stubs: Stubs):
        stubs.debits.append({**stubs.debits[0], "receipt": "SECOND"})
        with pytest.raises(StepFailed, match=r"M-Pesa's ledger (\d+) and \1, service's record"):
            scenario.run()

    def test_a_payment_that_is_never_settled(self, scenario: FaultScenario, stubs: Stubs, printed):
        stubs.records["ORDER001"][0]["status"] = "pending"
        del stubs.orders[0]
        with pytest.raises(
            StepFailed,
            match=r"the amounts of ORDER001 differ: .* service's record nothing, order service not",
        ):
            scenario.run()
        assert "1/2" in printed.getvalue()

    def test_all_agree_on_a_wrong_amount(self, scenario: FaultScenario, stubs: Stubs):
        for row in (stubs.debits[0], stubs.records["ORDER001"][0], stubs.orders[0]):
            row["amount"] = 7
        with pytest.raises(
            StepFailed, match=r"the amounts of ORDER001 differ: the shop \d+, M-Pesa's ledger 7"
        ):
            scenario.run()

    def test_an_event_that_arrives_twice(self, scenario: FaultScenario, stubs: Stubs):
        stubs.orders[1]["events"] = 2
        with pytest.raises(StepFailed, match="received 2 events of ORDER002, not one"):
            scenario.run()

    def test_a_program_that_exits_is_noticed(self, scenario: FaultScenario, stubs: Stubs):
        def exited() -> None:
            raise ProcessExited("The worker exited", [])

        scenario._check = exited
        del stubs.orders[0]
        with pytest.raises(ProcessExited):
            scenario.run()
