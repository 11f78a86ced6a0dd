"""One live payment an order, one open prompt a phone."""

import pytest

from mpesa_service.payments import admission
from tests.support import Service


def test_a_second_payment_of_an_order_waits(service: Service) -> None:
    first = service.initiate().json["data"]["payment"]["_id"]
    answer = service.initiate(phone="254722000001")
    assert (answer.status_code, answer.json["code"]) == (409, "order_in_progress")
    assert answer.json["details"] == {"paymentId": first}
    assert answer.headers["Retry-After"] == "181"


def test_a_stranger_does_not_receive_the_id_of_the_other_payment(service: Service) -> None:
    service.pending()
    answer = service.initiate(phone="254722000001", by="stranger")
    assert answer.status_code == 409
    assert "details" not in answer.json
    assert service.initiate(phone="254722000001", by="boss", admin=True).json["details"]


def test_a_paid_order_stays_paid(service: Service) -> None:
    checkout = service.paid()
    service.clock.advance(1_000_000)
    answer = service.initiate(phone="254722000001")
    assert (answer.status_code, answer.json["code"]) == (409, "order_paid")
    assert answer.json["details"]["paymentId"] == service.row(checkout).id
    assert "Retry-After" not in answer.headers


def test_a_canceled_payment_frees_order_and_phone(service: Service) -> None:
    checkout = service.pending()
    service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
    assert service.initiate().status_code == 201


def test_one_prompt_a_phone(service: Service) -> None:
    service.pending(order="ORDER1")
    answer = service.initiate(order="ORDER2")
    assert (answer.status_code, answer.json["code"]) == (409, "phone_busy")
    assert answer.headers["Retry-After"] == "181"
    assert "details" not in answer.json


def test_an_order_in_review_waits_for_the_person(service: Service) -> None:
    from mpesa_service.domain.audit import Cause
    from mpesa_service.models.statements import lock_payment
    from mpesa_service.payments.transitions import move_payment

    checkout = service.pending()
    with service.runtime.database.begin() as session:
        payment = lock_payment(session, service.row(checkout).id)
        move_payment(session, payment, "contradicted", Cause("test", service.clock()))
    answer = service.initiate(phone="254722000001")
    assert (answer.status_code, answer.json["code"]) == (409, "order_in_review")


def test_after_the_prompts_life_the_customer_may_try_again(service: Service) -> None:
    service.simulator.post("/simulator/script", {"for": "stk_push", "callback": "lost"})
    first = service.pending()
    service.simulator.post(f"/simulator/prompts/{first}/expire")
    service.clock.advance(180)
    second = service.initiate()
    assert second.status_code == 201
    assert service.payment(second.json["data"]["checkoutRequestId"])["status"] == "pending"
    assert "lock_released" in [event.cause for event in service.events(service.row(first).id)]
    order = service.call("GET", "/order/ORDER1").json["data"]
    assert order["_id"] == second.json["data"]["payment"]["_id"]
    assert len(order["attempts"]) == 2


def test_before_a_second_prompt_daraja_is_queried_about_the_first(service: Service) -> None:
    service.simulator.post("/simulator/script", {"for": "stk_push", "callback": "lost"})
    checkout = service.pending()
    service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
    service.clock.advance(180)
    answer = service.initiate()
    assert (answer.status_code, answer.json["code"]) == (409, "order_paid")
    assert service.payment(checkout)["status"] == "succeeded"
    assert len(service.ledger()["debits"]) == 1


def test_a_released_payment_that_is_paid_late_takes_its_order_again(service: Service) -> None:
    service.simulator.post("/simulator/options", {"faults": {"callback_delayed": 1}, "pending_style": "500"})
    service.simulator.post("/simulator/script", {"for": "stk_push", "fault": "answer_lost"})
    first = service.initiate().json["data"]["payment"]["_id"]
    [prompt] = service.ledger()["prompts"]
    service.simulator.post(f"/simulator/prompts/{prompt['checkoutRequestId']}/pin", {"pin": "0000"})
    service.clock.advance(180)
    second = service.pending()
    service.simulator.post("/simulator/callbacks/flush")
    assert service.payment(first)["status"] == "succeeded"
    assert service.row(first).order_lock == "ORDER1"
    assert service.row(second).order_lock is None

    service.simulator.post(f"/simulator/prompts/{second}/pin", {"pin": "0000"})
    service.simulator.post("/simulator/callbacks/flush")
    payment = service.payment(second)
    assert payment["status"] == "review", "the order has two payments"
    assert payment["mpesaReceiptNumber"] is not None
    assert service.events(payment["_id"])[-1].cause == "duplicate_payment"


def test_returns_409_if_the_lock_is_never_released(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    service.pending()
    monkeypatch.setattr(admission, "_free_locks", lambda *_: None)
    answer = service.initiate()
    assert (answer.status_code, answer.json["code"]) == (409, "order_busy")


def test_a_holder_that_daraja_settles_releases_its_lock(service: Service) -> None:
    service.simulator.post("/simulator/script", {"for": "stk_push", "callback": "lost"})
    first = service.pending()
    service.simulator.post(f"/simulator/prompts/{first}/cancel")
    service.clock.advance(10)
    assert service.payment(first)["status"] == "pending", "one negative result is not enough"
    service.clock.advance(60)
    assert service.initiate().status_code == 201
    assert service.payment(first)["status"] == "canceled"
