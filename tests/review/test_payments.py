"""The way out of review: a person decides, and the audit trail says who and why."""

import json
from typing import Any

import pytest

from mpesa_service.verification.payments import verify
from mpesa_service.verification.simulator_ledger import verify_ledger
from tests.refunds.support import complete
from tests.refunds.test_results import result, result_token
from tests.review.support import pay_and_ask, resolve, to_review, waiting
from tests.support import Service
from tests.webhooks.test_outbox import outgoing


def test_what_waits_is_listed_oldest_first_in_pages(service: Service) -> None:
    ids = []
    for number in range(3):
        service.clock.advance(1)
        checkout = service.pending(order=f"ORDER{number}", phone=f"25472200000{number}")
        ids.append(service.row(to_review(service, checkout)).id)
    service.paid(order="FINE", phone="254722000009")
    assert waiting(service) == ids
    assert waiting(service, limit=2) == ids[:2]
    assert waiting(service, limit=2, after=ids[1]) == ids[2:]


def test_settling_with_a_receipt(service: Service) -> None:
    checkout = to_review(service, service.pending())
    answer = resolve(service, checkout, "settle", receipt="SG632NMUAB")
    assert answer.status_code == 200
    data = answer.json["data"]
    assert (data["status"], data["mpesaReceiptNumber"], data["evidence"]) == (
        "succeeded",
        "SG632NMUAB",
        "operator",
    )
    assert data["failureReason"] is None
    event = service.events(data["_id"])[-1]
    assert (event.cause, event.actor) == ("settled_by_operator", "amina")
    assert event.detail == {"reason": "seen on the statement"}
    assert waiting(service) == []


class TestAnotherAmount:
    """M-Pesa's statement shows that the customer paid another amount than was requested."""

    @pytest.mark.parametrize("really", [70, 130])
    def test_the_payment_is_of_what_moved(self, service: Service, really: int) -> None:
        checkout = to_review(service, service.pending(amount=100))
        receipt = pay_and_ask(service, f"{really}.00")
        data = resolve(service, checkout, "settle", amount=really, receipt=receipt).json["data"]
        assert (data["status"], data["amount"]) == ("succeeded", really)
        event = service.events(data["_id"])[-1]
        assert (event.cause, event.actor) == ("settled_by_operator", "amina")
        assert event.detail == {"reason": "seen on the statement", "requestedAmount": 100, "amount": really}
        event = json.loads(outgoing(service)[-1].payload)
        assert (event["type"], event["data"]["amount"]) == ("payment.succeeded", really)

    def test_a_refund_never_exceeds_what_moved(self, service: Service) -> None:
        checkout = to_review(service, service.pending(amount=100))
        resolve(service, checkout, "settle", amount=70)
        assert service.refund(checkout, 71).json["code"] == "refund_too_large"
        assert service.refund(checkout).json["data"]["refundAmount"] == 70
        complete(service)
        assert service.payment(checkout)["status"] == "refunded"

    def test_the_books_agree_only_then(self, service: Service) -> None:
        checkout = service.pending(amount=100)
        service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        ledger = service.ledger()
        ledger["debits"][0]["amount"] = 70
        sentences = [one.sentence for one in verify_ledger(service.runtime, ledger, settled=True)]
        assert sentences == ["it is 100 shillings, but the debit is 70"]
        to_review(service, checkout)
        resolve(service, checkout, "settle", amount=70)
        assert list(verify_ledger(service.runtime, ledger, settled=True)) == []
        assert list(verify(service.runtime)) == []

    def test_the_same_amount_changes_nothing(self, service: Service) -> None:
        checkout = to_review(service, service.pending(amount=100))
        data = resolve(service, checkout, "settle", amount=100).json["data"]
        assert service.events(data["_id"])[-1].detail == {"reason": "seen on the statement"}

    def test_not_less_than_went_back(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 40)
        complete(service)
        service.clock.advance(1)
        service.refund(checkout, 20)
        to_review(service, checkout)
        answer = resolve(service, checkout, "settle", amount=59)
        assert (answer.status_code, answer.json["code"]) == (409, "refunds_exceed_payment")
        assert service.payment(checkout)["amount"] == 100
        assert service.payment(checkout)["status"] == "review"
        data = resolve(service, checkout, "settle", amount=60).json["data"]
        assert (data["status"], data["amount"], data["refundedAmount"]) == ("partially_refunded", 60, 40)

    def test_what_went_back_may_be_all(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 40)
        complete(service)
        to_review(service, checkout)
        assert resolve(service, checkout, "settle", amount=40).json["data"]["status"] == "refunded"
        assert list(verify(service.runtime)) == []

    def test_what_did_not_arrive_has_none(self, service: Service) -> None:
        checkout = to_review(service, service.pending())
        answer = resolve(service, checkout, "fail", amount=70)
        assert (answer.status_code, answer.json["code"]) == (400, "amount_not_settled")
        assert service.payment(checkout)["status"] == "review"

    def test_a_refund_in_review_takes_none(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 60)
        result(service, result_token(service), ResultCode=31337, ResultParameters=None)
        answer = resolve(service, checkout, "settle", amount=70)
        assert (answer.status_code, answer.json["code"]) == (409, "not_in_review")
        assert service.payment(checkout)["amount"] == 100


def test_failing_frees_the_order(service: Service) -> None:
    checkout = to_review(service, service.pending())
    assert resolve(service, checkout, "fail").json["data"]["status"] == "failed"
    service.clock.advance(1)
    service.simulator.post("/simulator/options", {"faults": {"callback_lost": 1}})
    assert service.initiate(phone="254722000001").status_code == 201


def test_a_payment_with_money_paid_back_cannot_have_failed(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 40)
    complete(service)
    to_review(service, checkout)
    assert resolve(service, checkout, "fail").json["code"] == "has_refunds"
    assert resolve(service, checkout, "settle").json["data"]["status"] == "partially_refunded"


def test_settling_what_was_refunded_in_whole(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 100)
    complete(service)
    to_review(service, checkout)
    assert resolve(service, checkout, "settle").json["data"]["status"] == "refunded"


def test_another_payments_receipt_is_refused(service: Service) -> None:
    first = service.paid(order="FIRST")
    receipt = service.payment(first)["mpesaReceiptNumber"]
    second = to_review(service, service.pending(order="SECOND", phone="254722000001"))
    answer = resolve(service, second, "settle", receipt=receipt)
    assert (answer.status_code, answer.json["code"]) == (409, "receipt_taken")
    assert service.payment(second)["status"] == "review"


def test_what_is_not_in_review_is_left_alone(service: Service) -> None:
    checkout = service.paid()
    answer = resolve(service, checkout, "fail")
    assert (answer.status_code, answer.json["code"]) == (409, "not_in_review")
    assert service.payment(checkout)["status"] == "succeeded"


@pytest.mark.parametrize(
    "body",
    [
        {"action": "settle"},
        {"action": "settle", "reason": ""},
        {"action": "settle", "reason": "   "},
        {"action": "settle", "reason": "x" * 501},
        {"action": "refund", "reason": "why"},
        {"action": "settle", "reason": "why", "receipt": "no receipt"},
        {"action": "settle", "reason": "why", "status": "succeeded"},
        *(
            {"action": "settle", "reason": "why", "amount": amount}
            for amount in (0, -1, 7.5, "7.5", None, True)
        ),
        {"action": "settle", "reason": "why", "amount": 1_000_000_001},
        {"reason": "why"},
    ],
    ids=str,
)
def test_a_decision_needs_its_parts(service: Service, body: dict[str, Any]) -> None:
    checkout = to_review(service, service.pending())
    answer = service.call("POST", f"/{checkout}/resolve", body, by="amina", admin=True)
    assert answer.status_code == 400
    assert service.payment(checkout)["status"] == "review"


@pytest.mark.parametrize("page", [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"after": "'"}, {"more": 1}])
def test_a_page_needs_to_make_sense(service: Service, page: dict[str, Any]) -> None:
    query = "&".join(f"{name}={value}" for name, value in page.items())
    assert service.call("GET", f"/review?{query}", by="amina", admin=True).status_code == 400
