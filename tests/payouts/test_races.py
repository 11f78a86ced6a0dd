"""Many at once about payouts, on PostgreSQL: the database decides, once."""

from collections import Counter
from typing import Any

import pytest
import requests

from tests.core.test_circuit_breaker import alerts, count, suspended
from tests.payments.test_races import at_once
from tests.payments.test_races import service as service
from tests.payouts.support import batches, pay, payouts, to_phones, trail
from tests.payouts.support import made as made_small
from tests.payouts.test_command import post_result
from tests.support import Service

ROWS = to_phones(30, 2_000)


def post(service: Service, path: str, by: str, body: Any = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {service.token(by, 'admin')}"}
    return requests.post(f"{service.url}/api/mpesa/payouts{path}", json=body, headers=headers, timeout=60)


def made(service: Service) -> str:
    return str(post(service, "", "amina", {"reference": "PAY-1", "rows": ROWS}).json()["data"]["_id"])


def test_the_same_batch_requested_at_once_is_one(service: Service) -> None:
    body = {"reference": "PAY-1", "rows": ROWS}
    answers = at_once(10, lambda number: post(service, "", f"admin-{number}", body))
    assert Counter(answer.status_code for answer in answers) == {202: 1, 200: 9}
    assert len({answer.json()["data"]["_id"] for answer in answers}) == 1
    assert (len(batches(service)), len(payouts(service))) == (1, 30)


def test_of_many_who_approve_at_once_exactly_one_does(service: Service) -> None:
    batch = made(service)
    answers = at_once(10, lambda number: post(service, f"/{batch}/approve", f"admin-{number}"))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 9}
    codes = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert codes == {"already_approved"}
    [winner] = [n for n, answer in enumerate(answers) if answer.status_code == 200]
    assert batches(service)[0].approved_by == f"admin-{winner}"
    assert trail(service, batch) == ["created", "approved"]


def test_a_batch_is_approved_or_stopped(service: Service) -> None:
    batch = made(service)
    actions = ("approve", "stop", "approve", "stop")
    answers = at_once(4, lambda number: post(service, f"/{batch}/{actions[number]}", f"admin-{number}"))
    lines = trail(service, batch)
    assert lines in (
        ["created", "stopped", "finished"],
        ["created", "approved", "stopped", "finished"],
    )
    assert Counter(answer.status_code for answer in answers)[200] == len(lines) - 2
    assert {row.status for row in payouts(service)} == {"canceled"}


def test_ten_results_with_an_unknown_code_at_once_are_one_suspension(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    made_small(service, *to_phones(10))
    for _ in range(2):
        pay(service)
        service.clock.advance(60)
    at_once(10, lambda number: post_result(service, number, ResultCode="31337"))
    assert {row.status for row in payouts(service)} == {"review"}
    assert (count(service), suspended(service)) == (10, ["payouts: unknown code"])
    assert len(alerts(caplog)) == 1
