"""Payouts pass the same limits, however they are split, and nobody decides about an own payout alone."""

from collections import Counter
from typing import Any

from mpesa_service.approvals.decide import expire_due
from tests.approvals.support import approval_events, approval_row, decide, listed, waits
from tests.approvals.test_races import post as post_it
from tests.payments.test_races import at_once
from tests.payouts.support import ROW, act, batches, look, pay, payouts, post, to_phones, trail
from tests.payouts.test_command import post_result
from tests.support import Service


def request(service: Service, reference: str, *rows: Any, by: str = "amina") -> Any:
    return post(service, {"reference": reference, "rows": list(rows)}, by=by)


def row(amount: int, phone: str = "0712345678", **more: Any) -> dict[str, Any]:
    return {**ROW, "amount": amount, "phoneNumber": phone, **more}


def test_a_large_batch_waits_with_its_approval(service: Service) -> None:
    answer = request(service, "PAY-1", *to_phones(3, 200))
    approval = waits(answer, "single")
    [batch] = batches(service)
    data = answer.json["data"]
    assert (data["status"], data["needsApproval"], data["approval"]["payee"]) == (
        "waiting_approval",
        True,
        "3 payees",
    )
    assert (data["approval"]["kind"], data["approval"]["subjectId"]) == ("payout", batch.id)
    assert request(service, "PAY-1", *to_phones(3, 200)).status_code == 200
    assert [one["_id"] for one in listed(service)] == [approval]


def test_batches_to_one_phone_add_up(service: Service) -> None:
    """An amount that is split over several batches meets the limit of its payee, for all makers together."""
    assert request(service, "PAY-1", row(400)).status_code == 201
    approval = waits(request(service, "PAY-2", row(201, "+254 712 345 678"), by="otieno"), "payee_day")
    waits(request(service, "PAY-3", row(201, type="b2pochi"), by="wanjiku"), "payee_day")
    assert request(service, "PAY-4", row(200), by="otieno").status_code == 201
    assert pay(service) == 2
    assert decide(service, approval, by="wanjiku").status_code == 200
    assert pay(service) == 1


def test_a_refund_and_a_payout_to_one_phone_add_up(service: Service) -> None:
    assert service.refund(service.paid(amount=400), 400).status_code == 200
    waits(request(service, "PAY-1", row(201)), "payee_day")


def test_batches_of_one_person_add_up(service: Service) -> None:
    assert request(service, "PAY-1", row(500, "0712000001")).status_code == 201
    assert request(service, "PAY-2", row(500, "0712000002")).status_code == 201
    waits(request(service, "PAY-3", row(10, "0712000003")), "maker_day")


def test_batches_at_once_stay_within_the_limit(service: Service) -> None:
    def act_(number: int) -> Any:
        body = {"reference": f"PAY-{number}", "rows": [row(250)]}
        return post_it(service, "/payouts", body, f"admin-{number}")

    answers = at_once(6, act_)
    assert Counter(answer.status_code for answer in answers) == {201: 2, 202: 4}
    assert Counter(batch.status for batch in batches(service)) == {"running": 2, "waiting_approval": 4}


def two_waiting(service: Service) -> list[str]:
    approvals = []
    for number in range(2):
        approvals.append(waits(request(service, f"PAY-{number}", row(501 + number)), "single"))
        service.clock.advance(1)  # ids sort by time
    return approvals


def test_both_ways_to_approve_are_one(service: Service) -> None:
    first, second = two_waiting(service)
    one, other = batches(service)
    assert decide(service, first, by="amina").json["code"] == "maker_cannot_approve"
    assert decide(service, first).json["data"]["status"] == "approved"
    assert act(service, one.id, "approve", by="wanjiku").json["code"] == "already_approved"
    assert act(service, other.id, "approve", by="otieno").json["data"]["approval"]["status"] == "approved"
    assert decide(service, second).json["code"] == "approval_decided"
    assert {batch.approved_by for batch in batches(service)} == {"otieno"}
    assert trail(service, one.id) == ["created", "approved"]
    assert approval_row(service, second).result_id == other.id


def test_a_rejected_batch_is_stopped_and_a_stopped_one_rejected(service: Service) -> None:
    first, second = two_waiting(service)
    one, other = batches(service)
    assert decide(service, first, "reject").json["data"]["status"] == "rejected"
    assert decide(service, first, "reject").json["code"] == "approval_decided"
    assert act(service, other.id, "stop").json["data"]["status"] == "stopped"
    assert approval_row(service, second).decided_why == "the batch was stopped"
    assert {batch.status for batch in batches(service)} == {"stopped"}
    assert {payout.status for payout in payouts(service)} == {"canceled"}
    assert act(service, one.id, "approve", by="otieno").json["code"] == "cannot_be_approved"


def test_a_batch_that_nobody_approves_is_stopped(service: Service) -> None:
    approval = waits(request(service, "PAY-1", row(501)), "single")
    [batch] = batches(service)
    service.clock.advance(3 * 86_400)
    service.tokens.clear()
    assert act(service, batch.id, "approve", by="otieno").json["code"] == "approval_expired"
    assert (expire_due(service.runtime), expire_due(service.runtime)) == (1, 0)
    pay(service)
    assert (batches(service)[0].status, payouts(service)[0].status) == ("stopped", "canceled")
    assert approval_events(service, approval) == ["approval.waiting", "approval.expired"]


def in_review(service: Service) -> Any:
    """Return amina's payout, about which M-Pesa's results contradict each other."""
    assert request(service, "PAY-1", row(100)).status_code == 201
    pay(service)
    post_result(service, ResultCode="31337")
    [found] = payouts(service)
    assert found.status == "review"
    return found


def resolve(service: Service, payout: str, action: str, by: str, **more: Any) -> Any:
    body = {"action": action, "reason": "on the statement", **more}
    return service.call("POST", f"/payouts/rows/{payout}/resolve", body, by=by, admin=True)


def test_nobody_decides_about_an_own_payout_alone(service: Service) -> None:
    payout = in_review(service).id
    approval = waits(resolve(service, payout, "fail", "Amina"), "own")
    assert look(service, "/review").json["data"][0]["status"] == "review"
    assert decide(service, approval, by="amina").json["code"] == "maker_cannot_approve"
    assert decide(service, approval).status_code == 200
    assert payouts(service)[0].status == "failed"
    assert decide(service, approval).json["code"] == "approval_decided"


def test_what_another_person_decided_is_not_decided_again(service: Service) -> None:
    payout = in_review(service).id
    approval = waits(resolve(service, payout, "settle", "amina", receipt="UKN2ABCDEF"), "own")
    assert resolve(service, payout, "fail", "otieno").status_code == 200
    assert decide(service, approval, by="otieno").json["code"] == "not_in_review"
    assert payouts(service)[0].status == "failed"
