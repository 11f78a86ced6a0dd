"""Refunds that wait for a second person: which, who decides, and what is carried out."""

import pytest
from sqlalchemy import update

from mpesa_service.approvals.decide import expire_due
from mpesa_service.core import suspensions
from mpesa_service.models import Payment
from mpesa_service.verification.payments import verify
from tests.approvals.support import (
    OTHER_PHONE,
    approval_events,
    approval_row,
    counted,
    decide,
    listed,
    refund,
    waits,
)
from tests.refunds.reversals import verify_all
from tests.refunds.support import complete
from tests.support import Service


def test_a_small_refund_goes_out_at_once(service: Service) -> None:
    checkout = service.paid(amount=500)
    assert refund(service, checkout, 500).status_code == 200
    assert listed(service) == []
    assert [row.amount for row in counted(service)] == [500, 500], "for the maker, and for the payee"


def test_a_large_refund_waits_and_reserves_nothing(service: Service) -> None:
    checkout = service.paid(amount=501)
    approval = waits(refund(service, checkout, reason="broken"), "single")
    [shown] = listed(service)
    payment = service.row(checkout)
    assert (shown["_id"], shown["kind"], shown["subjectId"], shown["orderId"]) == (
        approval,
        "refund",
        payment.id,
        "ORDER1",
    )
    assert (shown["amount"], shown["payee"], shown["reason"]) == (501, "254712***678", "broken")
    assert (shown["requestedBy"], shown["decidedBy"], shown["resultId"]) == ("amina", None, None)
    assert (payment.refunding_amount, service.refunds(), counted(service)) == (0, [], [])
    assert service.ledger()["credits"] == []
    assert approval_events(service, approval) == ["approval.waiting"]


def test_another_person_approves_it_and_it_is_carried_out_once(service: Service) -> None:
    checkout = service.paid(amount=501)
    approval = waits(refund(service, checkout, reason="broken"), "single")
    answer = decide(service, approval, why="I saw it")
    [row] = service.refunds()
    data = answer.json["data"]
    assert (answer.status_code, data["status"], data["resultId"]) == (200, "approved", row.id)
    assert (data["decidedBy"], data["decisionReason"]) == ("otieno", "I saw it")
    assert (row.amount, row.requested_by) == (501, "amina")
    again = decide(service, approval, by="wanjiku")
    assert (again.status_code, again.json["code"]) == (409, "approval_decided")
    assert again.json["details"] == {"status": "approved", "decidedBy": "otieno", "resultId": row.id}
    complete(service)
    assert [one["amount"] for one in service.ledger()["credits"]] == [501]
    assert approval_events(service, approval) == ["approval.waiting", "approval.approved"]
    created, agreed = [one for one in service.events(service.row(checkout).id) if one.refund_id][:2]
    assert (created.cause, created.actor, created.detail["approvedBy"]) == (
        "refund_created",
        "amina",
        "otieno",
    )
    assert (agreed.cause, agreed.actor) == ("refund_approved", "otieno")
    assert agreed.detail == {"approvedBy": "otieno", "approval": approval, "approvalReason": "I saw it"}
    verify_all(service)


@pytest.mark.parametrize("spelled", ["amina", "AMINA", " amina ", "operator:amina"])
def test_the_maker_never_approves(service: Service, spelled: str) -> None:
    checkout = service.paid(amount=501)
    approval = waits(refund(service, checkout), "single")
    answer = decide(service, approval, by=spelled)
    assert (answer.status_code, answer.json["code"]) == (403, "maker_cannot_approve")
    assert (service.refunds(), approval_row(service, approval).status) == ([], "waiting")


def test_a_rejected_refund_is_never_carried_out(service: Service) -> None:
    checkout = service.paid(amount=501)
    approval = waits(refund(service, checkout), "single")
    answer = decide(service, approval, "reject", why="it was delivered")
    assert (answer.status_code, answer.json["data"]["status"]) == (200, "rejected")
    assert decide(service, approval).json["code"] == "approval_decided"
    assert decide(service, approval, "reject").json["code"] == "approval_decided"
    assert (service.refunds(), listed(service)) == ([], [])
    assert [one["_id"] for one in listed(service, "?status=rejected")] == [approval]
    assert approval_events(service, approval) == ["approval.waiting", "approval.rejected"]


def test_the_maker_may_withdraw_it(service: Service) -> None:
    approval = waits(refund(service, service.paid(amount=501)), "single")
    assert decide(service, approval, "reject", by="amina").json["data"]["decidedBy"] == "amina"


def test_what_nobody_approves_in_time_expires(service: Service) -> None:
    checkout = service.paid(amount=501)
    approval = waits(refund(service, checkout), "single")
    service.clock.advance(3 * 86_400 - 1)
    assert expire_due(service.runtime) == 0
    service.clock.advance(1)
    assert decide_with_new_token(service, approval).json["code"] == "approval_expired"
    assert expire_due(service.runtime) == 1
    assert expire_due(service.runtime) == 0
    assert decide_with_new_token(service, approval).json["code"] == "approval_expired"
    assert decide_with_new_token(service, approval, "reject").json["code"] == "approval_expired"
    assert approval_events(service, approval) == ["approval.waiting", "approval.expired"]
    assert service.refunds() == []


def decide_with_new_token(service: Service, approval: str, what: str = "approve") -> object:
    service.tokens.clear()
    return decide(service, approval, what)


def test_an_equal_request_waits_once(service: Service) -> None:
    checkout = service.paid(amount=600)
    first = waits(refund(service, checkout, 550, reason="broken"), "single")
    assert waits(refund(service, checkout, 550, by="otieno"), "single") == first
    assert waits(refund(service, checkout, 560), "single") != first
    service.clock.advance(3 * 86_400)
    service.tokens.clear()
    later = waits(refund(service, checkout, 550), "single")
    assert (later != first, approval_row(service, first).status) == (True, "expired")


def test_the_answer_under_a_key_stays_the_same(service: Service) -> None:
    checkout = service.paid(amount=501)
    headers = {"Idempotency_Key": "refund-1"}
    first = refund(service, checkout, headers=headers)
    approval = waits(first, "single")
    decide(service, approval)
    again = refund(service, checkout, headers=headers)
    assert (again.data, again.headers["Idempotent-Replayed"]) == (first.data, "true")
    assert len(service.refunds()) == 1
    assert list(verify(service.runtime)) == []


def test_small_refunds_by_one_person_add_up(service: Service) -> None:
    phones = [f"25471200000{number}" for number in range(4)]
    paid = [service.paid(f"ORDER{n}", 400, phone) for n, phone in enumerate(phones)]
    assert [refund(service, one, 400).status_code for one in paid[:2]] == [200, 200]
    approval = waits(refund(service, paid[2], 300), "maker_day")
    assert refund(service, paid[2], 200).status_code == 200, "what waits does not count"
    waits(refund(service, paid[3], 10, by="Operator: AMINA"), "maker_day")
    assert refund(service, paid[3], 400, by="otieno").status_code == 200, "another person has own sums"
    assert decide(service, approval, by="wanjiku").json["code"] == "refund_too_large"


def test_small_refunds_to_one_phone_add_up_for_all_makers(service: Service) -> None:
    paid = [service.paid(f"ORDER{number}", 400) for number in range(3)]
    assert refund(service, paid[0], 400).status_code == 200
    approval = waits(refund(service, paid[1], 201, by="otieno"), "payee_day")
    assert refund(service, paid[1], 200, by="otieno").status_code == 200
    assert decide(service, approval, by="amina").json["code"] == "refund_too_large"
    waits(refund(service, paid[2], 10, by="wanjiku"), "payee_day")


def test_an_approved_refund_counts_and_24_hours_later_it_does_not(service: Service) -> None:
    paid = [service.paid(f"ORDER{number}", 550) for number in range(2)]
    decide(service, waits(refund(service, paid[0]), "single"))
    waits(refund(service, paid[1], 51), "payee_day")
    service.clock.advance(86_400)
    service.tokens.clear()
    assert refund(service, paid[1], 51).status_code == 200


def test_a_refund_that_failed_does_not_count(service: Service) -> None:
    checkout = service.paid(amount=500)
    assert refund(service, checkout).status_code == 200
    complete(service, resultCode=1)
    assert refund(service, checkout).status_code == 200


def test_what_is_approved_is_checked_again_when_it_is_carried_out(service: Service) -> None:
    checkout = service.paid(amount=600)
    approval = waits(refund(service, checkout, 550), "single")
    assert refund(service, checkout, 100).status_code == 200
    answer = decide(service, approval)
    assert (answer.status_code, answer.json["code"]) == (400, "refund_too_large")
    assert (len(service.refunds()), approval_row(service, approval).status) == (1, "waiting")
    complete(service, resultCode=1)
    assert decide(service, approval).status_code == 200


def test_all_that_is_left_means_the_amount_of_the_request(service: Service) -> None:
    checkout = service.paid(amount=900)
    approval = waits(refund(service, checkout), "single", "payee_day")
    assert listed(service)[0]["amount"] == 900
    refund(service, checkout, 100)
    assert decide(service, approval).json["code"] == "refund_too_large"


def test_another_payee_is_not_what_was_approved(service: Service) -> None:
    checkout = service.paid(amount=501)
    approval = waits(refund(service, checkout), "single")
    encryption = service.runtime.encryption
    changed = {"phone_encrypted": encryption.encrypt(OTHER_PHONE), "phone_hash": "another"}
    with service.runtime.database.begin() as session:
        session.execute(update(Payment).values(changed))
    answer = decide(service, approval)
    assert (answer.status_code, answer.json["code"]) == (409, "approval_outdated")
    assert (service.refunds(), approval_row(service, approval).status) == ([], "waiting")


def test_while_refunds_are_suspended_it_waits_as_before(service: Service) -> None:
    approval = waits(refund(service, service.paid(amount=501)), "single")
    with service.runtime.database.begin() as session:
        suspensions.suspend(session, suspensions.REFUNDS, "no initiator", service.clock())
    assert decide(service, approval).json["code"] == "refunds_suspended"
    suspensions.resume(service.runtime, "test", suspensions.REFUNDS)
    assert decide(service, approval).status_code == 200


def test_what_m_pesa_refuses_is_approved_and_failed(service: Service) -> None:
    checkout = service.paid(amount=501)
    approval = waits(refund(service, checkout), "single")
    service.simulator.post("/simulator/options", {"shortcode": "600000"})
    answer = decide(service, approval)
    assert (answer.status_code, answer.json["data"]["status"]) == (200, "approved")
    assert [row.status for row in service.refunds()] == ["failed"]


def test_a_reversal_and_a_stated_number_wait_as_well(service: Service) -> None:
    service.simulator.post("/simulator/options", {"reversal_auto": "hold"})
    checkout = service.paid(amount=501)
    approval = waits(refund(service, checkout, method="reversal"), "single")
    assert (listed(service)[0]["kind"], decide(service, approval).status_code) == ("reversal", 200)
    assert [row.method for row in service.refunds()] == ["reversal"]


def test_a_decision_needs_a_reason_and_an_approval(service: Service) -> None:
    approval = waits(refund(service, service.paid(amount=501)), "single")
    assert decide(service, approval, why="  ").status_code == 400
    assert decide(service, approval, "reject", why="").status_code == 400
    for unknown in ("01a2", "%00"):
        for what in ("approve", "reject"):
            assert decide(service, unknown, what).json["code"] == "not_found"
        assert service.call("GET", f"/approvals/{unknown}", by="amina", admin=True).status_code == 404
    shown = service.call("GET", f"/approvals/{approval}", by="amina", admin=True)
    assert shown.json["data"]["_id"] == approval


def test_pages_and_filters(service: Service) -> None:
    checkout = service.paid(amount=600)
    made = []
    for amount in (501, 502, 503):
        made.append(waits(refund(service, checkout, amount), "single"))
        service.clock.advance(1)
    assert [one["_id"] for one in listed(service, "?limit=2")] == made[:2]
    assert [one["_id"] for one in listed(service, f"?after={made[1]}")] == made[2:]
    assert (listed(service, "?kind=payout"), len(listed(service, "?kind=refund"))) == ([], 3)
