"""Which payments of the day M-Pesa did not report, and what happens if a source cannot be used."""

from pathlib import Path
from typing import Any

import pytest
import requests
import requests_mock

from devtools.console_output import ConsoleOutput
from devtools.day import second_source as module
from devtools.day.client import DayClient
from devtools.day.second_source import (
    SecondSources,
    lost_confirmations,
    odd_confirmations,
    unreported_payments,
)
from devtools.errors import StepFailed, TaskFailed
from devtools.running_stack import RunningStack
from devtools.stop_request import StopRequest


def withheld(kind: str, key: str, reason: str = "lost", **body: Any) -> dict[str, Any]:
    return {"kind": kind, "id": key, "reason": reason, "body": body}


LEDGER: dict[str, Any] = {
    "debits": [
        {"kind": "c2b", "receipt": "A1", "amount": 10},
        {"kind": "c2b", "receipt": "A2", "amount": 20},
        {"kind": "c2b", "receipt": "A3", "amount": 30},
        {"kind": "stk", "receipt": "B1", "amount": 40, "checkoutRequestId": "ws_1"},
        {"kind": "stk", "receipt": "B2", "amount": 50, "checkoutRequestId": "ws_2"},
    ],
    "withheld": [
        withheld("c2b_confirmation", "A1", TransID="A1"),
        withheld("c2b_confirmation", "A2", "delayed", TransID="A2"),
        withheld("c2b_confirmation", "B1", TransID="B1"),
        withheld("c2b_confirmation", "B2", TransID="B2"),
        withheld("stk", "ws_2"),
    ],
    "callbacks": [
        {"body": {"TransID": "A3"}, "odd": "raw_tab"},
        {"body": {"TransID": "A3"}, "odd": "raw_tab"},
        {"body": {}},
    ],
}


def test_what_mpesa_did_not_report() -> None:
    assert lost_confirmations(LEDGER) == {"A1": 10, "B1": 40, "B2": 50}
    assert odd_confirmations(LEDGER) == 1
    # The callback of the prompt names the receipt B1.
    assert unreported_payments(LEDGER) == {"A1", "B2"}


class Runner:
    """Runs no command, but fails so many times."""

    def __init__(self, failures: int) -> None:
        self.failures, self.calls = failures, 0

    def __call__(self, _command: tuple[str, ...]) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise TaskFailed("A pull of this shortcode is running.", [])
        return "complete"


def sources(runner: Runner, stop: StopRequest) -> SecondSources:
    stack = RunningStack("http://service", "http://simulator", "user", "admin", 1)
    client = DayClient(stack, "approver", stop)
    return SecondSources(client, runner, lambda: {"A1", "B1", "B2"}, ConsoleOutput(), stop)


@pytest.mark.parametrize(("failures", "works"), [(2, True), (3, False)])
def test_a_pull_that_meets_the_workers_is_repeated(
    wire: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch, failures: int, works: bool
) -> None:
    monkeypatch.setattr(module, "PULL_PAUSE", 0)
    wire.get("http://simulator/simulator/ledger", json=LEDGER)
    runner = Runner(failures)
    with StopRequest() as stop:
        if works:
            sources(runner, stop).pull()
        else:
            with pytest.raises(TaskFailed):
                sources(runner, stop).pull()
    assert runner.calls == module.PULL_TRIES


def test_a_statement_that_cannot_be_downloaded(wire: requests_mock.Mocker, tmp_path: Path) -> None:
    wire.get("http://simulator/simulator/statement", exc=requests.ConnectionError)
    with StopRequest() as stop, pytest.raises(StepFailed, match="could not be downloaded"):
        sources(Runner(0), stop).import_statement("http://simulator", tmp_path)
