"""mpesa pull: registration, runs with progress, and the list."""

import json
from typing import Any

import pytest

from tests.c2b.pulls import PULLS_ON, pay
from tests.c2b.pulls import register as register_for_pulls
from tests.support import Service


def run(service: Service, *words: str, code: int = 0) -> Any:
    result = service.app.test_cli_runner().invoke(args=["mpesa", *words])
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(autouse=True)
def pulls_on(service_env: dict[str, str]) -> None:
    service_env.update(PULLS_ON)


@pytest.fixture
def registered(service: Service) -> Service:
    return register_for_pulls(service)


def test_register(service: Service) -> None:
    assert run(service, "pull", "register", "--by", "amina").stdout == "Registered 174379.\n"
    assert run(service, "pull", "register").stdout == "174379 was registered before.\n"
    assert json.loads(run(service, "pull", "register", "--json").stdout) == [
        {"shortcode": "174379", "already": True, "refusal": None}
    ]


def test_run_and_list(registered: Service) -> None:
    pay(registered)
    found = run(registered, "pull", "run", "--by", "amina")
    assert "1 row: 1 booked, 0 known, 0 disputed, 0 unreadable." in found.stdout
    assert "page 1: 1 row, 1 booked" in found.stderr
    start = registered.clock.now.strftime("%Y-%m-%d")
    [again] = json.loads(run(registered, "pull", "run", "--from", start, "--json").stdout)
    assert (again["status"], again["known"], again["requestedBy"]) == ("complete", 1, "operator:command line")
    listed: Any = json.loads(run(registered, "pull", "list", "--json").stdout)
    assert [one["booked"] for one in listed] == [0, 1]
    assert "complete" in run(registered, "pull", "list").stdout


def test_a_pull_that_fails_exits_with_1(registered: Service) -> None:
    pay(registered)
    pay(registered)
    registered.simulator.post("/simulator/options", {"pull_page_size": 1, "pull_repeats_page": True})
    found = run(registered, "pull", "run", code=1)
    assert found.stdout.startswith("failed: ")
    registered.clock.advance(72 * 3600)
    registered.simulator.post("/simulator/options", {"pull_repeats_page": False})
    assert "complete: " in run(registered, "pull", "run").stdout
