"""Queries of Daraja when no report arrives."""

import pytest

from mpesa_service.daraja import OutcomeUnknown
from mpesa_service.payments import reconcile
from tests.payments.support import lose_callbacks, pay, queries
from tests.support import Service


def test_a_lost_callback_is_made_up_for_by_a_query(service: Service) -> None:
    lose_callbacks(service)
    checkout = service.pending()
    pay(service, checkout)
    assert service.payment(checkout)["status"] == "pending", "not queried within ten seconds of the push"
    service.clock.advance(10)
    payment = service.payment(checkout)
    assert (payment["status"], payment["evidence"]) == ("succeeded", "query")
    assert payment["mpesaReceiptNumber"] is None
    assert queries(service) == 1


def test_the_receipt_follows_with_a_late_callback(service: Service) -> None:
    service.simulator.post("/simulator/options", {"faults": {"callback_delayed": 1}})
    checkout = service.pending()
    pay(service, checkout)
    service.clock.advance(10)
    assert service.payment(checkout)["evidence"] == "query"
    service.simulator.post("/simulator/callbacks/flush")
    payment = service.payment(checkout)
    assert payment["mpesaReceiptNumber"] == service.ledger()["debits"][0]["receipt"]
    assert [e.cause for e in service.events(payment["_id"])] == [
        "created",
        "push_accepted",
        "paid",
        "applied",
    ]


def test_at_most_one_query_in_ten_seconds(service: Service) -> None:
    checkout = service.pending()
    service.clock.advance(10)
    for _ in range(5):
        service.payment(checkout)
    assert queries(service) == 1
    service.clock.advance(9)
    service.payment(checkout)
    assert queries(service) == 1
    service.clock.advance(1)
    service.payment(checkout)
    assert queries(service) == 2


@pytest.mark.parametrize("style", ["4999", "500"])
def test_still_processing_is_no_information(service: Service, style: str) -> None:
    service.simulator.post("/simulator/options", {"pending_style": style})
    checkout = service.pending()
    service.clock.advance(10)
    assert service.payment(checkout)["status"] == "pending"
    assert service.row(checkout).negative_result_code is None


def test_an_answer_without_a_verdict_is_no_information(service: Service) -> None:
    checkout = service.pending()
    body = {"ResponseCode": "1", "ResponseDescription": "no", "CheckoutRequestID": checkout}
    service.simulator.post(
        "/simulator/script", {"for": "stk_query", "times": 3, "answer": {"status": 200, "body": body}}
    )
    service.clock.advance(10)
    assert service.payment(checkout)["status"] == "pending"


def test_two_negative_results_a_minute_apart_are_needed(service: Service) -> None:
    lose_callbacks(service)
    checkout = service.pending()
    service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
    service.clock.advance(10)
    assert service.payment(checkout)["status"] == "pending"
    service.clock.advance(30)
    assert service.payment(checkout)["status"] == "pending", "too soon after the first"
    service.clock.advance(30)
    payment = service.payment(checkout)
    assert (payment["status"], payment["evidence"], payment["resultCode"]) == ("canceled", "query", "1032")


def test_a_query_that_lies_once_does_no_harm(service: Service) -> None:
    checkout = service.pending()
    service.simulator.post("/simulator/options", {"faults": {"query_contradicts": 1}})
    pay(service, checkout)
    service.clock.advance(10)
    assert service.payment(checkout)["status"] == "succeeded"


def test_a_failed_query_changes_nothing(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = service.pending()

    def fail(_checkout: str) -> None:
        raise OutcomeUnknown("time-out", operation="stk_query")

    monkeypatch.setattr(service.runtime.daraja, "stk_query", fail)
    service.clock.advance(30)
    assert service.payment(checkout)["status"] == "pending"
    assert service.row(checkout).check_attempts == 1


def test_the_schedule_moves_on_with_each_query(service: Service) -> None:
    checkout = service.pending()
    made = service.row(checkout).created_at
    assert (service.row(checkout).next_check_at - made).total_seconds() == 30
    service.clock.advance(30)
    service.payment(checkout)
    assert (service.row(checkout).next_check_at - made).total_seconds() == 60


def test_impatient_readers_do_not_use_up_the_schedule(service: Service) -> None:
    checkout = service.pending()
    for _ in range(30):
        service.clock.advance(10)
        service.payment(checkout)
    row = service.row(checkout)
    assert queries(service) == 30
    assert (row.status, row.check_attempts) == ("unknown", 5)
    assert (row.next_check_at - row.created_at).total_seconds() == 900


def test_a_push_that_a_crash_cut_off_becomes_unknown_when_it_is_read(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(_push: object) -> None:
        raise Killed

    monkeypatch.setattr(service.runtime.daraja, "stk_push", die)
    with pytest.raises(Killed):
        service.initiate()
    [row] = service.payments()
    assert service.payment(row.id)["status"] == "pending"
    service.clock.advance(91)
    assert service.payment(row.id)["status"] == "unknown"
    assert service.payment(row.id)["mpesaCheckoutRequestId"] is None


def test_a_query_about_a_settled_payment_does_nothing(service: Service) -> None:
    checkout = service.paid()
    service.clock.advance(100)
    assert reconcile.check(service.runtime, service.row(checkout).id) is None
    assert queries(service) == 0


def test_late_success_after_1037_is_a_named_correction(service: Service) -> None:
    service.simulator.post("/simulator/script", {"for": "stk_push", "outcome": "late_success"})
    checkout = service.pending()
    service.simulator.post("/simulator/clock/advance", {"seconds": 2})
    assert service.payment(checkout)["status"] == "failed"
    service.simulator.post("/simulator/clock/advance", {"seconds": 60})
    assert len(service.ledger()["debits"]) == 1
    service.clock.advance(10)
    payment = service.payment(checkout)
    assert payment["status"] == "succeeded"
    assert payment["mpesaReceiptNumber"] == service.ledger()["debits"][0]["receipt"]
    assert payment["failureReason"] is None
    assert service.events(payment["_id"])[-1].cause == "late_payment"
