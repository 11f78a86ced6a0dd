"""The day's client: what it retries, and which responses end the day."""

from collections.abc import Iterator

import pytest
import requests
import requests_mock

from devtools.day import client as module
from devtools.day.client import DayClient
from devtools.errors import StepFailed, Stopped
from devtools.running_stack import RunningStack
from devtools.stop_request import StopRequest

STACK = RunningStack("http://service", "http://simulator", "user", "admin", 1)
URL = "http://service/api/mpesa/initiate"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[DayClient]:
    monkeypatch.setattr(module, "_pause", lambda _answer: 0)
    with StopRequest() as stop:
        yield DayClient(STACK, "approver", stop)


def test_a_call_is_retried_with_the_same_key(client: DayClient, wire: requests_mock.Mocker) -> None:
    wire.post(URL, [{"exc": requests.ConnectionError}, {"status_code": 503}, {"json": {"data": 1}}])
    assert client.call("shop", "POST", "initiate", {}, key="k") == {"data": 1}
    assert [request.headers["Idempotency-Key"] for request in wire.request_history] == ["k", "k", "k"]


def test_a_refusal_is_not_retried(client: DayClient, wire: requests_mock.Mocker) -> None:
    wire.post(URL, status_code=422, text="refused")
    with pytest.raises(StepFailed, match="POST initiate failed: 422 refused"):
        client.call("shop", "POST", "initiate", {})
    assert wire.call_count == 1


def test_a_service_that_never_responds(client: DayClient, wire: requests_mock.Mocker) -> None:
    wire.post(URL, exc=requests.ConnectTimeout)
    with pytest.raises(StepFailed, match="POST initiate failed: no response"):
        client.call("shop", "POST", "initiate", {})
    assert wire.call_count == module.TRIES


@pytest.mark.parametrize(
    ("answer", "shown"), [({"status_code": 500}, "500"), ({"exc": requests.ConnectTimeout}, "no response")]
)
def test_exports_and_the_simulator_are_not_retried(
    client: DayClient, wire: requests_mock.Mocker, answer: dict, shown: str
) -> None:
    wire.get("http://service/api/mpesa/export", **answer)
    with pytest.raises(StepFailed, match=f"GET export failed: {shown}"):
        client.text("operator", "export")
    wire.get("http://simulator/simulator/ledger", **answer)
    with pytest.raises(StepFailed, match="the simulator's ledger failed"):
        client.simulator("GET", "ledger")


@pytest.mark.parametrize(("header", "seconds"), [("2", 2.0), ("60", module.LONGEST_PAUSE), ("soon", 1.0)])
def test_the_pause_before_a_retry(wire: requests_mock.Mocker, header: str, seconds: float) -> None:
    wire.get(URL, headers={"Retry-After": header})
    assert module._pause(requests.get(URL, timeout=1)) == seconds
    assert module._pause(None) == 1.0


def test_a_stop_request_ends_the_loop(client: DayClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(_stop: StopRequest) -> None:
        raise Stopped(2)

    monkeypatch.setattr(StopRequest, "check", stopped)
    handled: list[int] = []
    with pytest.raises(Stopped):
        client.for_each([1, 2], handled.append, lambda: None)
    assert handled == []
