"""A payment's way through, against the simulator, on both databases."""

import pytest
import requests
from sqlalchemy.exc import OperationalError

from tests.support import Service


def causes(service: Service, checkout: str) -> list[str]:
    return [event.cause for event in service.events(service.row(checkout).id)]


def test_a_payment_from_prompt_to_receipt(service: Service) -> None:
    checkout = service.pending(amount=250)
    assert service.payment(checkout)["status"] == "pending"
    service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})

    payment = service.payment(checkout)
    [debit] = service.ledger()["debits"]
    assert payment["status"] == "succeeded"
    assert payment["evidence"] == "callback"
    assert payment["mpesaReceiptNumber"] == debit["receipt"]
    assert (debit["amount"], debit["msisdn"]) == (250, "254712345678")
    assert payment["resultCode"] == "0"
    assert payment["failureReason"] is None
    assert payment["completedAt"].endswith("+03:00")
    assert causes(service, checkout) == ["created", "push_accepted", "paid"]


def test_the_customer_cancels(service: Service) -> None:
    checkout = service.pending()
    service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
    payment = service.payment(checkout)
    assert payment["status"] == "canceled"
    assert payment["resultCode"] == "1032"
    assert "cancel" in payment["failureReason"].lower()
    assert service.ledger()["debits"] == []


def test_the_customer_is_short_of_money(service: Service) -> None:
    checkout = service.pending()
    service.simulator.post(f"/simulator/prompts/{checkout}/outcome", {"resultCode": 1})
    payment = service.payment(checkout)
    assert (payment["status"], payment["resultCode"]) == ("failed", "1")


def test_a_code_that_nobody_knows_needs_a_person(service: Service) -> None:
    checkout = service.pending()
    body = {
        "Body": {
            "stkCallback": {
                "MerchantRequestID": service.row(checkout).merchant_request_id,
                "CheckoutRequestID": checkout,
                "ResultCode": 31337,
                "ResultDesc": "Something new",
            }
        }
    }
    requests.post(service.callback_url(checkout), json=body, timeout=5)
    payment = service.payment(checkout)
    assert (payment["status"], payment["resultCode"]) == ("review", "31337")
    assert "manual review" in payment["failureReason"]


def test_a_refused_push_is_a_failed_payment_and_an_error(service: Service) -> None:
    service.simulator.post("/simulator/options", {"passkey": "another"})
    answer = service.initiate()
    assert answer.status_code == 502
    assert answer.json["code"] == "provider_refused"
    payment = service.payment(answer.json["details"]["paymentId"])
    assert payment["status"] == "failed"
    assert service.ledger()["prompts"] == []
    assert service.initiate(order="ORDER1").status_code == 502, "a failed payment blocks nothing"


def test_an_answer_lost_after_the_prompt_exists_is_unknown_and_settled_by_the_callback(
    service: Service,
) -> None:
    service.simulator.post("/simulator/script", {"for": "stk_push", "fault": "answer_lost"})
    answer = service.initiate()
    assert answer.status_code == 202
    data = answer.json["data"]
    assert data["checkoutRequestId"] is None
    assert data["payment"]["status"] == "unknown"
    [prompt] = service.ledger()["prompts"]
    service.simulator.post(f"/simulator/prompts/{prompt['checkoutRequestId']}/pin", {"pin": "0000"})
    payment = service.payment(data["payment"]["_id"])
    assert payment["status"] == "succeeded"
    assert payment["mpesaCheckoutRequestId"] == prompt["checkoutRequestId"]
    assert len(service.ledger()["debits"]) == 1


@pytest.mark.parametrize("fault", ["answer_lost", "error_5xx", "garbled"])
def test_an_unknown_push_is_never_sent_again(service: Service, fault: str) -> None:
    service.simulator.post("/simulator/script", {"for": "stk_push", "fault": fault})
    answer = service.initiate()
    assert answer.status_code == 202
    assert answer.json["data"]["payment"]["status"] == "unknown"
    assert service.ledger()["requests"]["stk_push"] == 1


def test_a_callback_before_the_answer_settles_the_payment(service: Service) -> None:
    service.simulator.post(
        "/simulator/script", {"for": "stk_push", "callback": "before_answer", "outcome": "paid"}
    )
    answer = service.initiate()
    assert answer.status_code == 201
    assert answer.json["data"]["payment"]["status"] == "succeeded"
    assert answer.json["data"]["payment"]["mpesaReceiptNumber"] == service.ledger()["debits"][0]["receipt"]


def test_a_token_refused_once_is_renewed_and_the_push_goes_through(service: Service) -> None:
    service.simulator.post("/simulator/script", {"for": "stk_push", "fault": "token_refused"})
    assert service.initiate().status_code == 201
    assert len(service.ledger()["prompts"]) == 1


def test_nothing_was_sent_when_daraja_cannot_be_reached(service: Service, monkeypatch) -> None:
    from mpesa_service.daraja import NotSent

    def unreachable(_push: object) -> None:
        raise NotSent("connection refused", operation="stk_push")

    monkeypatch.setattr(service.runtime.daraja, "stk_push", unreachable)
    answer = service.initiate()
    assert (answer.status_code, answer.json["code"]) == (503, "provider_unreachable")
    assert answer.headers["Retry-After"] == "30"
    assert service.payment(answer.json["details"]["paymentId"])["status"] == "failed"


def test_a_callback_settles_a_payment_whose_answer_is_lost(service: Service) -> None:
    service.simulator.post(
        "/simulator/script",
        {"for": "stk_push", "callback": "before_answer", "outcome": "paid", "fault": "answer_lost"},
    )
    answer = service.initiate()
    assert answer.status_code == 201
    assert answer.json["data"]["payment"]["status"] == "succeeded"
    assert answer.json["data"]["checkoutRequestId"] == service.ledger()["prompts"][0]["checkoutRequestId"]


def test_a_database_that_fails_after_the_push_leaves_it_unknown(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prompt exists: a caller who read "nothing was done" would start a second one."""

    def away(*_: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    monkeypatch.setattr("mpesa_service.payments.conclude._accepted", away)
    answer = service.initiate()
    monkeypatch.undo()
    assert answer.status_code == 202
    payment = answer.json["data"]["payment"]
    assert (payment["status"], payment["orderId"], payment["amount"]) == ("unknown", "ORDER1", 100)
    [prompt] = service.ledger()["prompts"]
    service.simulator.post(f"/simulator/prompts/{prompt['checkoutRequestId']}/pin", {"pin": "0000"})
    assert service.payment(payment["_id"])["status"] == "succeeded"
