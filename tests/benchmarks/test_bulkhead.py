"""The clients that wait beside the callbacks: all there when asked for, and none that fails unseen."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from requests_mock import Mocker

from benchmarks.paths import bulkhead
from benchmarks.paths.bulkhead import Crowd

CLIENTS = 3
URL = "http://127.0.0.1:5005/api/mpesa/initiate"


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulkhead, "CLIENTS", CLIENTS)


def crowd() -> Crowd:
    program: Any = SimpleNamespace(port=5005)
    return Crowd(program, {"Authorization": "Bearer x"}, 0.0)


def answers_of(mocker: Mocker, status: int) -> set[int]:
    """Register the answer, and return the threads that ask for it."""
    asking: set[int] = set()
    mocker.post(URL, status_code=status, text=lambda *_: asking.add(threading.get_ident()) or "")  # type: ignore[func-returns-value]
    return asking


def test_they_stay_when_they_are_there_already(requests_mock: Mocker) -> None:
    asking = answers_of(requests_mock, 201)
    with crowd() as clients:
        clients.come()
        clients.come()
        clients.leave()
    assert len(asking) <= CLIENTS
    assert clients.statuses == {201: requests_mock.call_count}


def test_they_come_again_after_they_have_left(requests_mock: Mocker) -> None:
    answers_of(requests_mock, 201)
    with crowd() as clients:
        clients.come()
        clients.leave()
        first = requests_mock.call_count
        clients.leave()
        assert requests_mock.call_count == first
        clients.come()
        clients.leave()
    assert requests_mock.call_count > first


def test_one_that_failed_is_told_of(requests_mock: Mocker) -> None:
    requests_mock.post(URL, exc=requests.ConnectionError)
    with crowd() as clients:
        clients.come()
        with pytest.raises(requests.ConnectionError):
            clients.leave()


def test_an_answer_that_nobody_expects_is_told_of(requests_mock: Mocker) -> None:
    answers_of(requests_mock, 500)
    with crowd() as clients:
        clients.come()
        with pytest.raises(RuntimeError, match="500"):
            clients.leave()
