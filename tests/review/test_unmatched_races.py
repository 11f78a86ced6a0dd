"""Several persons decide about the same unmatched money at once, on PostgreSQL: one decision holds."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.c2b.support import assert_books_are_right, confirm, order_row
from tests.orders.support import add_order
from tests.payments.test_races import at_once
from tests.support import Listening, Service, TestClock, start_service


@pytest.fixture
def service(
    listening: Listening, simulator: Any, clock: TestClock, service_env: dict[str, str], postgres_url: str
) -> Iterator[Service]:
    started = start_service(listening, simulator, clock, {**service_env, "DATABASE_URL": postgres_url})
    yield started
    started.runtime.database.dispose()


def decide(service: Service, payment: str, what: str, body: dict[str, str]) -> requests.Response:
    headers = {"Authorization": f"Bearer {service.token('amina', 'admin')}"}
    url = f"{service.url}/api/mpesa/unmatched/{payment}/{what}"
    return requests.post(url, json={"reason": "he called", **body}, headers=headers, timeout=60)


def test_one_order_gets_the_money(service: Service) -> None:
    for number in range(8):
        add_order(service, f"ORDER{number}")
    confirm(service, BillRefNumber="RENT")
    payment = service.payments()[0].id
    answers = at_once(8, lambda n: decide(service, payment, "match", {"orderId": f"ORDER{n}"}))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 7}
    received = [order_row(service, f"ORDER{number}").received_amount for number in range(8)]
    assert sorted(received) == [0] * 7 + [100]
    assert_books_are_right(service)


def test_it_is_matched_or_sent_back(service: Service) -> None:
    service.simulator.post("/simulator/options", {"reversal_auto": "hold"})
    add_order(service)
    confirm(service, BillRefNumber="RENT")
    payment = service.payments()[0].id

    def act(number: int) -> requests.Response:
        if number % 2:
            return decide(service, payment, "return", {})
        return decide(service, payment, "match", {"orderId": "ORDER1"})

    answers = at_once(8, act)
    assert [answer.status_code for answer in answers].count(200) == 1
    matched, sent = order_row(service).received_amount, len(service.ledger()["reversals"])
    assert (matched, sent) in {(100, 0), (0, 1)}
    assert_books_are_right(service)
