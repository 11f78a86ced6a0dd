"""The clients that wait beside the callbacks: all there when asked for, and none that fails unseen."""

from concurrent.futures import ThreadPoolExecutor
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


def test_they_stay_when_they_are_there_already(
    requests_mock: Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Any] = []

    class Pool(ThreadPoolExecutor):
        def submit(self, *args: Any, **options: Any) -> Any:
            begun.append(args)
            return super().submit(*args, **options)

    monkeypatch.setattr(bulkhead, "ThreadPoolExecutor", Pool)
    requests_mock.post(URL, status_code=201)
    with crowd() as clients:
        clients.come()
        clients.come()
        clients.leave()
    assert len(begun) == CLIENTS
    assert clients.statuses == {201: requests_mock.call_count}


def test_they_come_again_after_they_have_left(requests_mock: Mocker) -> None:
    requests_mock.post(URL, status_code=201)
    with crowd() as clients:
        clients.come()
        clients.leave()
        first = requests_mock.call_count
        clients.leave()
        assert requests_mock.call_count == first
        clients.come()
        clients.leave()
    assert requests_mock.call_count >= first + CLIENTS


def test_one_that_failed_is_told_of(requests_mock: Mocker) -> None:
    requests_mock.post(URL, exc=requests.ConnectionError)
    with crowd() as clients:
        clients.come()
        with pytest.raises(requests.ConnectionError):
            clients.leave()


def test_an_answer_that_nobody_expects_is_told_of(requests_mock: Mocker) -> None:
    requests_mock.post(URL, status_code=500)
    with crowd() as clients:
        clients.come()
        with pytest.raises(RuntimeError, match="500"):
            clients.leave()
