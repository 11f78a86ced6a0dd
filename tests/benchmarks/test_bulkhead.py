"""The clients that wait beside the callbacks: when they start and stop, and how they fail."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from requests_mock import Mocker

from benchmarks.paths import bulkhead
from benchmarks.paths.bulkhead import Clients

CLIENTS = 3
URL = "http://127.0.0.1:5005/api/mpesa/initiate"


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulkhead, "CLIENTS", CLIENTS)


def new_clients() -> Clients:
    program: Any = SimpleNamespace(port=5005)
    return Clients(program, {"Authorization": "Bearer x"}, 0.0)


def test_clients_that_run_are_not_started_twice(
    requests_mock: Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted: list[Any] = []

    class Pool(ThreadPoolExecutor):
        def submit(self, *args: Any, **options: Any) -> Any:
            submitted.append(args)
            return super().submit(*args, **options)

    monkeypatch.setattr(bulkhead, "ThreadPoolExecutor", Pool)
    requests_mock.post(URL, status_code=201)
    with new_clients() as clients:
        clients.start()
        clients.start()
        clients.stop()
    assert len(submitted) == CLIENTS
    assert clients.statuses == {201: requests_mock.call_count}


def test_clients_start_again_after_they_stopped(requests_mock: Mocker) -> None:
    requests_mock.post(URL, status_code=201)
    with new_clients() as clients:
        clients.start()
        clients.stop()
        first = requests_mock.call_count
        clients.stop()
        assert requests_mock.call_count == first
        clients.start()
        clients.stop()
    assert requests_mock.call_count >= first + CLIENTS


def test_the_exception_of_a_client_is_raised(requests_mock: Mocker) -> None:
    requests_mock.post(URL, exc=requests.ConnectionError)
    with new_clients() as clients:
        clients.start()
        with pytest.raises(requests.ConnectionError):
            clients.stop()


def test_an_unexpected_status_is_an_error(requests_mock: Mocker) -> None:
    requests_mock.post(URL, status_code=500)
    with new_clients() as clients:
        clients.start()
        with pytest.raises(RuntimeError, match="500"):
            clients.stop()
