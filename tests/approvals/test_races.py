"""Many at once, on both databases: limits hold together, one decision counts, and a crash loses nothing."""

from collections import Counter

import pytest
import requests

from mpesa_service.approvals.decide import expire_due
from tests.approvals.support import approval_row, decide, refund, waits
from tests.core.keys import Killed
from tests.payments.test_races import at_once
from tests.refunds.reversals import verify_all
from tests.refunds.support import complete
from tests.support import Service


def post(service: Service, path: str, body: object, by: str) -> requests.Response:
    headers = {"Authorization": f"Bearer {service.token(by, 'admin')}"}
    return requests.post(f"{service.url}/api/mpesa{path}", json=body, headers=headers, timeout=60)


def paid(service: Service, count: int, amount: int, *, one_phone: bool = False) -> list[str]:
    phones = [f"2547120000{0 if one_phone else number:02}" for number in range(count)]
    return [service.paid(f"ORDER{number}", amount, phone) for number, phone in enumerate(phones)]


def test_refunds_of_one_person_at_once_stay_within_the_limit(service: Service) -> None:
    payments = paid(service, 6, 400)
    answers = at_once(6, lambda n: post(service, f"/{payments[n]}/refund", {}, "amina"))
    assert Counter(answer.status_code for answer in answers) == {200: 2, 202: 4}
    assert sum(row.amount for row in service.refunds()) == 800


def test_refunds_to_one_phone_at_once_stay_within_the_limit(service: Service) -> None:
    payments = paid(service, 6, 250, one_phone=True)
    answers = at_once(6, lambda n: post(service, f"/{payments[n]}/refund", {}, f"admin-{n}"))
    assert Counter(answer.status_code for answer in answers) == {200: 2, 202: 4}
    assert sum(row.amount for row in service.refunds()) == 500


def test_equal_requests_at_once_wait_once(service: Service) -> None:
    [payment] = paid(service, 1, 501)
    answers = at_once(6, lambda n: post(service, f"/{payment}/refund", {}, f"admin-{n}"))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["data"]["approval"]["_id"] for answer in answers}) == 1


def test_of_many_who_approve_at_once_one_does(service: Service) -> None:
    [payment] = paid(service, 1, 501)
    approval = waits(refund(service, payment), "single")
    body = {"reason": "I checked"}
    answers = at_once(6, lambda n: post(service, f"/approvals/{approval}/approve", body, f"admin-{n}"))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 5}
    assert {answer.json().get("code") for answer in answers} == {None, "approval_decided"}
    [winner] = [n for n, answer in enumerate(answers) if answer.status_code == 200]
    assert approval_row(service, approval).decided_by == f"admin-{winner}"
    complete(service)
    assert len(service.ledger()["credits"]) == 1
    verify_all(service)


def test_it_is_approved_rejected_or_expired(service: Service) -> None:
    [payment] = paid(service, 1, 501)
    approval = waits(refund(service, payment), "single")
    service.clock.advance(3 * 86_400 - 1)
    service.tokens.clear()
    tokens = [service.token(f"admin-{number}", "admin") for number in range(6)]
    assert tokens

    def act(number: int) -> object:
        if number % 3 == 2:
            service.clock.advance(0.5)
            return expire_due(service.runtime)
        what = "approve" if number % 3 else "reject"
        return post(
            service, f"/approvals/{approval}/{what}", {"reason": "I checked"}, f"admin-{number}"
        ).status_code

    results = at_once(6, act)
    status = approval_row(service, approval).status
    assert (results.count(200) + results.count(1), status != "waiting") == (1, True)
    assert len(service.refunds()) == (status == "approved")


def test_killed_before_the_commit_it_still_waits(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = service.paid(amount=501)
    approval = waits(refund(service, checkout), "single")

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr("mpesa_service.refunds.request._started", die)
    with pytest.raises(Killed):
        decide(service, approval)
    monkeypatch.undo()
    assert (approval_row(service, approval).status, service.refunds()) == ("waiting", [])
    assert decide(service, approval).status_code == 200


def test_killed_before_the_send_it_is_approved_and_not_sent_twice(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = service.paid(amount=501)
    approval = waits(refund(service, checkout), "single")

    def die(_payment: object) -> None:
        raise Killed

    monkeypatch.setattr(service.runtime.daraja, "b2c_payment", die)
    with pytest.raises(Killed):
        decide(service, approval)
    monkeypatch.undo()
    [row] = service.refunds()
    assert (approval_row(service, approval).status, row.status) == ("approved", "submitting")
    assert decide(service, approval).json["code"] == "approval_decided"
    assert (service.row(checkout).refunding_amount, len(service.refunds())) == (501, 1)
