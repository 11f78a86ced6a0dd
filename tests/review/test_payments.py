"""The way out of review: a person decides, and the audit trail says who and why."""

import json
from typing import Any

import pytest

from mpesa_service.domain.audit import Cause
from mpesa_service.models.statements import lock_payment
from mpesa_service.payments.transitions import move_payment
from mpesa_service.verification.payments import verify
from mpesa_service.verification.simulator_ledger import verify_ledger
from tests.refunds.test_request import complete, result, result_token
from tests.support import Service
from tests.webhooks.test_outbox import outgoing


def to_review(service: Service, checkout: str) -> str:
    with service.runtime.database.begin() as session:
        payment = lock_payment(session, service.row(checkout).id)
        move_payment(session, payment, "contradicted", Cause("test", service.clock()))
    return checkout


def resolve(service: Service, reference: str, action: str, **more: Any) -> Any:
    body = {"action": action, "reason": "seen on the statement", **more}
    return service.call("POST", f"/{reference}/resolve", body, by="amina", admin=True)


def waiting(service: Service, **page: Any) -> list[str]:
    query = "&".join(f"{name}={value}" for name, value in page.items())
    answer = service.call("GET", f"/review?{query}", by="amina", admin=True)
    assert answer.status_code == 200
    return [payment["_id"] for payment in answer.json["data"]]


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
        data = resolve(service, checkout, "settle", amount=really, receipt="SG632NMUAB").json["data"]
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
            for amount in (0, -1, 7.5, "70", None, True)
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


class TestRefundsInReview:
    def contradicted(self, service: Service, first: int, second: int) -> str:
        checkout = service.paid(amount=100)
        service.refund(checkout, 60)
        token = result_token(service)
        for code in (first, second):
            more = {"ResultParameters": None} if code else {}
            result(service, token, ResultCode=code, **more)
        assert service.payment(checkout)["refunds"][0]["status"] == "review"
        assert waiting(service) == [service.row(checkout).id]
        return checkout

    @pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 0)])
    def test_it_was_paid(self, service: Service, first: int, second: int) -> None:
        checkout = self.contradicted(service, first, second)
        data = resolve(service, checkout, "settle").json["data"]
        assert (data["status"], data["refundedAmount"]) == ("partially_refunded", 60)
        assert data["refunds"][0]["status"] == "succeeded"
        assert service.row(checkout).refunding_amount == 0

    @pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 0)])
    def test_it_was_not_paid(self, service: Service, first: int, second: int) -> None:
        checkout = self.contradicted(service, first, second)
        data = resolve(service, checkout, "fail").json["data"]
        assert (data["status"], data["refundedAmount"]) == ("succeeded", 0)
        assert data["refunds"][0]["status"] == "failed"
        assert service.refund(checkout, 100).status_code == 200

    def test_a_whole_refund_undone_in_part(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 40)
        complete(service)
        service.clock.advance(1)
        service.refund(checkout, 60)
        token = result_token(service)
        result(service, token)
        assert service.payment(checkout)["status"] == "refunded"
        result(service, token, ResultCode=1, ResultParameters=None)
        data = resolve(service, checkout, "fail").json["data"]
        assert (data["status"], data["refundedAmount"]) == ("partially_refunded", 40)

    def test_a_part_undone_of_two(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 20)
        complete(service)
        service.clock.advance(1)
        service.refund(checkout, 60)
        token = result_token(service)
        result(service, token)
        result(service, token, ResultCode=1, ResultParameters=None)
        data = resolve(service, checkout, "fail").json["data"]
        assert (data["status"], data["refundedAmount"]) == ("partially_refunded", 20)

    def test_more_than_was_paid_is_never_booked(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 60)
        first = result_token(service)
        ids = {
            "OriginatorConversationID": service.refunds()[0].originator_conversation_id,
            "ConversationID": service.refunds()[0].conversation_id,
        }
        result(service, first, ResultCode=1, ResultParameters=None)
        service.clock.advance(1)
        service.refund(checkout, 100)
        complete(service)
        result(service, first, **ids)
        assert service.payment(checkout)["refundedAmount"] == 100
        answer = resolve(service, checkout, "settle")
        assert (answer.status_code, answer.json["code"]) == (409, "refunds_exceed_payment")


class TestCommands:
    def run(self, service: Service, *words: str) -> Any:
        return service.app.test_cli_runner().invoke(args=["mpesa", *words])

    def test_list(self, service: Service) -> None:
        checkout = to_review(service, service.pending())
        assert "1 waiting" in self.run(service, "review", "list").output
        assert service.row(checkout).id in self.run(service, "review", "list", "--json").output

    def test_settle_and_fail(self, service: Service) -> None:
        first = service.row(to_review(service, service.pending(order="A"))).id
        second = service.row(to_review(service, service.pending(order="B", phone="254722000001"))).id
        why = ("--by", "amina", "--reason", "statement")
        assert "succeeded" in self.run(service, "review", "settle", first, *why).output
        assert "failed" in self.run(service, "review", "fail", second, *why).output
        assert service.events(first)[-1].actor == "operator:amina"
        again = self.run(service, "review", "fail", second, *why)
        assert again.exit_code == 1
        assert "in review" in again.output

    def test_another_amount(self, service: Service) -> None:
        first = service.row(to_review(service, service.pending(order="A", amount=100))).id
        second = service.row(to_review(service, service.paid(order="B", phone="254722000001"))).id
        why = ("--by", "amina", "--reason", "statement", "--amount", "70")
        assert "succeeded" in self.run(service, "review", "settle", first, *why).output
        assert service.payment(first)["amount"] == 70
        assert "of 70 shillings is pending" in self.run(service, "review", "refund", second, *why).output
        assert self.run(service, "review", "settle", first, *why[:5], "0").exit_code == 2

    @pytest.mark.parametrize(
        "words",
        [
            ("settle", "--reason", ""),
            ("settle", "--reason", "a" * 501),
            ("settle", "--reason", "seen", "--receipt", "bad"),
            ("settle", "--reason", "seen", "--receipt", ""),
            ("fail", "--reason", ""),
            ("refund", "--reason", ""),
        ],
        ids=lambda words: " ".join(words)[:30],
    )
    def test_what_the_api_refuses_is_refused_here(self, service: Service, words: tuple[str, ...]) -> None:
        payment = service.row(to_review(service, service.pending())).id
        result = self.run(service, "review", words[0], payment, "--by", "amina", *words[1:])
        assert (result.exit_code, "Usage:" in result.output) == (2, True)
        assert service.payment(payment)["status"] == "review"

    def test_a_refund_in_review_is_explained(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 60)
        result(service, result_token(service), ResultCode=31337, ResultParameters=None)
        assert "1 waiting" in self.run(service, "review", "list").output

    def test_a_duplicate_payment_is_refunded_with_one_command(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        payment = service.row(to_review(service, checkout)).id
        ran = self.run(service, "review", "refund", payment, "--by", "amina", "--reason", "duplicate payment")
        assert ran.exit_code == 0
        assert "of 100 shillings is pending" in ran.output
        complete(service)
        assert service.payment(checkout)["status"] == "refunded"
        assert len(service.ledger()["credits"]) == 1

    def test_a_refund_that_is_refused_says_so(self, service: Service) -> None:
        payment = service.row(to_review(service, service.paid(amount=100))).id
        service.simulator.post("/simulator/options", {"shortcode": "600000"})
        why = ("--by", "amina", "--reason", "duplicate payment")
        refused = self.run(service, "review", "refund", payment, *why)
        assert refused.exit_code == 1
        assert service.payment(payment)["status"] == "succeeded"
        service.simulator.post("/simulator/reset", {"timers": "manual", "b2c_auto": "hold"})
        assert "review" in self.run(service, "review", "refund", payment, *why).output
