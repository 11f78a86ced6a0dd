"""Settling by hand and moves: what waits is exact, is carried out once, and a failure is not counted."""

from collections import Counter

import pytest

from tests.approvals.support import approval_events, approval_row, counted, decide, listed, waits
from tests.approvals.test_races import post
from tests.approvals.test_returns import arrived
from tests.c2b.support import assert_books_are_right, order_row
from tests.core.keys import Killed
from tests.orders.support import add_order
from tests.payments.test_races import at_once
from tests.review.support import pay_and_ask, resolve, to_review
from tests.review.test_moves import move
from tests.support import Service


def test_a_payment_settled_as_a_large_amount_waits(service: Service) -> None:
    """One shilling in review is not settled as 250,000 and refunded by one person."""
    checkout = to_review(service, service.paid(amount=10))
    receipt = pay_and_ask(service, "250000.00")
    answer = resolve(service, checkout, "settle", amount=250_000, receipt=receipt)
    approval = waits(answer, "single", "maker_day", "payee_day")
    [shown] = listed(service)
    assert (shown["kind"], shown["amount"], shown["orderId"]) == ("settle_payment", 250_000, "ORDER1")
    assert (service.payment(checkout)["status"], service.payment(checkout)["amount"]) == ("review", 10)
    assert decide(service, approval).status_code == 200
    payment = service.payment(checkout)
    assert (payment["status"], payment["amount"]) == ("succeeded", 250_000)
    settled = service.events(service.row(checkout).id)[-1]
    assert (settled.cause, settled.actor) == ("settled_by_operator", "amina")
    assert settled.detail["approvedBy"] == "otieno"
    assert approval_events(service, approval) == ["approval.waiting", "approval.approved"]
    assert approval_row(service, approval).outgoing_count == 2


def test_what_cannot_be_settled_neither_waits_nor_counts(service: Service) -> None:
    large, small = service.paid("ORDER1", 501), service.paid("ORDER2", 100, "254712000002")
    for checkout in (large, small):
        assert resolve(service, checkout, "settle").json["code"] == "not_in_review"
    service.refund(small, 100)
    to_review(service, small)
    assert resolve(service, small, "settle", amount=50).json["code"] == "refunds_exceed_payment"
    assert (listed(service), {row.kind for row in counted(service)}) == ([], {"refund"})


def test_what_fails_after_it_was_counted_is_not_counted(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another person decides between the count and the commit."""
    checkout = to_review(service, service.paid(amount=100))
    decided = []

    def first(*arguments: object, **more: object) -> object:
        if not decided:
            decided.append(resolve(service, checkout, "fail").status_code)
        return real(*arguments, **more)

    from mpesa_service.review import payments

    real = payments.carry_out
    monkeypatch.setattr(payments, "carry_out", first)
    assert resolve(service, checkout, "settle").json["code"] == "not_in_review"
    assert (decided, counted(service)) == ([200], [])


def test_settled_by_several_approvers_at_once(service: Service) -> None:
    checkout = to_review(service, service.paid(amount=501))
    approval = waits(resolve(service, checkout, "settle"), "single")
    body = {"reason": "I checked"}
    answers = at_once(4, lambda n: post(service, f"/approvals/{approval}/approve", body, f"admin-{n}"))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 3}
    causes = [event.cause for event in service.events(service.row(checkout).id)]
    assert causes.count("settled_by_operator") == 1
    assert approval_events(service, approval) == ["approval.waiting", "approval.approved"]
    assert sum(row.amount for row in counted(service)) == 2 * 501


def test_killed_before_the_commit_it_waits_and_the_sum_is_right(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = to_review(service, service.paid(amount=501))
    approval = waits(resolve(service, checkout, "settle"), "single")

    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr("mpesa_service.review.payments._settle", die)
    with pytest.raises(Killed):
        decide(service, approval)
    monkeypatch.undo()
    assert (approval_row(service, approval).status, counted(service)) == ("waiting", [])
    assert decide(service, approval).status_code == 200


def test_a_move_waits_under_its_key_and_goes_to_the_approved_order(service: Service) -> None:
    for order in ("ORDER1", "ORDER2", "ORDER3"):
        add_order(service, order, 501)
    payment = arrived(service, 501, "ORDER1")
    key = {"Idempotency_Key": "move-1"}
    first = move(service, payment, "ORDER2", **key)
    approval = waits(first, "single")
    assert move(service, payment, "ORDER2", **key).data == first.data
    assert order_row(service, "ORDER1").received_amount == 501
    other = waits(move(service, payment, "ORDER3"), "single")
    assert decide(service, approval).status_code == 200
    assert order_row(service, "ORDER2").received_amount == 501
    assert decide(service, other).json["code"] == "approval_outdated", "it is of another order by now"
    assert move(service, payment, "ORDER2").json["message"].startswith("Nothing to move")
    assert_books_are_right(service)


def test_back_to_unmatched_money_waits_too(service: Service) -> None:
    add_order(service, "ORDER1", 501)
    payment = arrived(service, 501, "ORDER1")
    approval = waits(move(service, payment, None), "single")
    assert decide(service, approval).status_code == 200
    assert service.payment(payment)["orderId"] is None
    assert_books_are_right(service)
