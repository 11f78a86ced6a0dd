"""Decisions that read more, on a connection of their own, while a pool has fewer connections than threads."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from mpesa_service.core.batching import NotServed
from mpesa_service.verification.payments import verify
from tests.c2b.support import c2b_body, expect_order, post_c2b
from tests.callbacks.support import stk_body
from tests.support import Service, start_service

THREADS = 8


@pytest.fixture
def service(
    listening: Any, simulator: Any, clock: Any, service_env: dict[str, str], postgres_url: str
) -> Iterator[Service]:
    """A service whose threads share one connection and two to spare."""
    env = {**service_env, "DATABASE_URL": postgres_url, "DATABASE_POOL_SIZE": "1"}
    found = start_service(listening, simulator, clock, env)
    yield found
    found.runtime.database.dispose()


def at_once(act: Callable[[int], int]) -> set[int]:
    barrier = threading.Barrier(THREADS)

    def run(number: int) -> int:
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return set(pool.map(run, range(THREADS)))


def test_second_payments(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    checkouts, bodies = [], []
    for number in range(THREADS):
        phone = f"2547220000{number:02}"
        checkouts.append(service.pending(order=f"ORDER{number}", phone=phone))
        masked = f"{phone[:4]} ***** {phone[-3:]}"
        body = c2b_body(service, TransID=f"C2B000000{number}", BillRefNumber=f"ORDER{number}", MSISDN=masked)
        assert post_c2b(service, body).status_code == 200
        bodies.append(stk_body(service, checkouts[-1], receipt=f"STK000000{number}", phone=int(phone)))

    def alone(_: Any) -> Any:
        raise NotServed

    monkeypatch.setattr(service.runtime.apply_callback, "_batching", alone)
    urls = [service.callback_url(checkout) for checkout in checkouts]
    before = len(service.inbox())
    answers = at_once(lambda n: requests.post(urls[n], json=bodies[n], timeout=60).status_code)
    assert answers == {200}
    assert len(service.inbox()) == before + THREADS
    assert list(verify(service.runtime)) == []


def test_matches_of_unmatched_money(service: Service) -> None:
    for number in range(THREADS):
        post_c2b(service, c2b_body(service, TransID=f"C2B000000{number}", BillRefNumber=f"LOST{number}"))
        expect_order(service, f"FOUND{number}")
    ids = [payment.id for payment in service.payments()]
    headers = {"Authorization": f"Bearer {service.token('boss', 'admin')}"}

    def match(number: int) -> int:
        body = {"orderId": f"FOUND{number}", "reason": "the customer called"}
        url = f"{service.url}/api/mpesa/unmatched/{ids[number]}/match"
        return requests.post(url, json=body, headers=headers, timeout=60).status_code

    assert at_once(match) == {200}
    assert list(verify(service.runtime)) == []
