"""A payment goes back as a whole, by its receipt; reports after a second request are ambiguous."""

from typing import Any

import pytest
import requests

from mpesa_service.callbacks.handlers import KINDS
from mpesa_service.commands.due import check_due
from mpesa_service.commands.sending import tokens_of
from mpesa_service.domain.audit import MPESA, Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.references import new_id
from mpesa_service.models import Payment
from mpesa_service.models.commit import commit
from mpesa_service.models.load import facts_of_new
from mpesa_service.payments.transitions import move_payment
from mpesa_service.verification.payments import verify
from mpesa_service.verification.simulator_ledger import Ledger, verify_ledger
from tests.support import PHONE, Service

MASKED = "2547 ***** 678"


def reverse(service: Service, reference: str, **body: Any) -> Any:
    request = {"method": "reversal", **body}
    return service.call("POST", f"/{reference}/refund", request, by="boss", admin=True)


def paid_by_c2b(service: Service, amount: int = 100) -> str:
    """Let a customer pay by C2B; return the id of the payment."""
    paid = {"msisdn": PHONE, "amount": amount, "billRefNumber": "ORDER1", "shortcode": "174379"}
    service.simulator.post("/simulator/c2b", paid)
    debit = service.ledger()["debits"][-1]
    now = service.clock()
    columns = {
        "id": new_id(now),
        "provider": "mpesa",
        "channel": "c2b",
        "owner": "shop",
        "order_id": "ORDER1",
        "amount": amount,
        "currency": "kes",
        "refunded_amount": 0,
        "refunding_amount": 0,
        "refund_count": 0,
        "check_attempts": 0,
        "details": {},
        "receipt": debit["receipt"],
        "payer_encrypted": service.runtime.encryption.encrypt(MASKED),
        "created_at": now,
        "updated_at": now,
    }
    change = PaymentChange(facts_of_new(columns))
    change.create(Cause(MPESA, now))
    change.move("paid", Cause(MPESA, now, "callback"))
    with service.runtime.database.writing() as connection:
        assert commit(connection, change.plan_new("applied", "paid by C2B")) is not None
    return str(columns["id"])


def complete(service: Service, which: int = -1, **body: Any) -> None:
    """Let the simulator carry out a reversal (or refuse it), the last one that was requested."""
    conversation = service.ledger()["reversals"][which]["conversationId"]
    service.simulator.post(f"/simulator/commands/{conversation}/complete", body)


def look(service: Service, seconds: float = 60) -> None:
    service.clock.advance(seconds)
    assert check_due(service.runtime, KINDS) == 1
    service.simulator.post("/simulator/clock/advance", {"seconds": 2})


def holds_in_the_books(service: Service) -> None:
    assert list(verify(service.runtime)) == []
    assert list(verify_ledger(service.runtime, service.ledger(), settled=True)) == []


@pytest.fixture(autouse=True)
def _by_hand(service: Service) -> None:
    service.simulator.post("/simulator/options", {"reversal_auto": "hold"})


def test_a_payment_goes_back_whole(service: Service) -> None:
    checkout = service.paid(amount=100)
    answer = reverse(service, checkout)
    data = answer.json["data"]
    assert (answer.status_code, data["method"], data["refundAmount"]) == (200, "reversal", 100)
    assert (data["status"], service.row(checkout).refunding_amount) == ("pending", 100)
    [reversal] = service.ledger()["reversals"]
    assert reversal["originalReceipt"] == service.payment(checkout)["mpesaReceiptNumber"]
    assert reversal["shortcode"] == service.runtime.settings.mpesa_shortcode
    complete(service)
    payment = service.payment(checkout)
    assert (payment["status"], payment["refundedAmount"]) == ("refunded", 100)
    [credit] = service.ledger()["credits"]
    assert payment["refunds"][0]["mpesaReceiptNumber"] == credit["receipt"]
    assert service.refunds()[0].phone_encrypted is None
    holds_in_the_books(service)


def test_the_amount_may_be_named_if_it_is_the_whole(service: Service) -> None:
    assert reverse(service, service.paid(amount=100), amount=100).status_code == 200


class TestAdmission:
    def refused(self, service: Service, answer: Any) -> tuple[int, str]:
        assert service.ledger()["reversals"] == []
        return answer.status_code, answer.json["code"]

    def test_a_part_cannot_be_reversed(self, service: Service) -> None:
        answer = reverse(service, service.paid(amount=100), amount=40)
        assert self.refused(service, answer) == (400, "reversal_is_whole")

    @pytest.mark.parametrize("done", [True, False])
    def test_nor_what_is_partly_refunded(self, service: Service, *, done: bool) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 40)
        if done:
            refund = service.refunds()[0]
            service.simulator.post(f"/simulator/b2c/{refund.originator_conversation_id}/complete")
        assert self.refused(service, reverse(service, checkout)) == (409, "partly_refunded")

    def test_nor_what_has_no_receipt(self, service: Service) -> None:
        service.simulator.post("/simulator/options", {"faults": {"callback_lost": 1}})
        checkout = service.pending()
        service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        service.clock.advance(10)
        assert service.payment(checkout)["evidence"] == "query"
        assert self.refused(service, reverse(service, checkout)) == (409, "no_receipt")

    def test_nor_what_is_not_paid(self, service: Service) -> None:
        assert self.refused(service, reverse(service, service.pending())) == (409, "not_refundable")

    def test_another_way_is_none(self, service: Service) -> None:
        answer = reverse(service, service.paid(), method="cheque")
        assert self.refused(service, answer) == (400, "invalid_request")

    def test_the_rest_waits_while_it_is_under_way(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        reverse(service, checkout)
        assert reverse(service, checkout).json["code"] == "nothing_to_refund"
        assert service.refund(checkout, 10).json["code"] == "nothing_to_refund"


class TestWithoutAPhone:
    def test_the_payment_is_reversed_by_default(self, service: Service) -> None:
        payment = paid_by_c2b(service)
        answer = service.refund(payment)
        assert (answer.status_code, answer.json["data"]["method"]) == (200, "reversal")
        complete(service)
        assert service.payment(payment)["status"] == "refunded"
        assert service.ledger()["credits"][0]["msisdn"] == PHONE

    def test_its_debit_is_none_of_a_prompt(self, service: Service) -> None:
        paid_by_c2b(service)
        ledger = Ledger.of(service.ledger())
        assert (ledger.by_prompt, ledger.prompts) == ({}, {})

    def test_nothing_can_be_sent_to_the_phone(self, service: Service) -> None:
        answer = reverse(service, paid_by_c2b(service), method="b2c")
        assert (answer.status_code, answer.json["code"]) == (409, "no_phone")

    def test_a_part_cannot_go_back(self, service: Service) -> None:
        answer = service.refund(paid_by_c2b(service), 40)
        assert (answer.status_code, answer.json["code"]) == (400, "reversal_is_whole")


class TestRefused:
    def test_an_invalid_receipt(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        reverse(service, checkout)
        complete(service, resultCode="R000002")
        payment = service.payment(checkout)
        [refund] = payment["refunds"]
        assert (payment["status"], refund["status"], refund["resultCode"]) == (
            "succeeded",
            "failed",
            "R000002",
        )
        assert "could not be found" in refund["failureReason"]
        assert service.row(checkout).refunding_amount == 0

    def test_reversed_before_by_somebody_else(self, service: Service) -> None:
        """By a person in the portal, perhaps: whether that was this refund, a person says."""
        checkout = service.paid(amount=100)
        reverse(service, checkout)
        complete(service, resultCode="R000001")
        [refund] = service.payment(checkout)["refunds"]
        assert refund["status"] == "review"
        assert "already reversed" in refund["failureReason"]
        assert service.row(checkout).refunding_amount == 100


class TestSentAgain:
    def taken_twice(self, service: Service, **script: str) -> str:
        """Return a payment whose reversal was taken twice: the first answer was lost."""
        checkout = service.paid(amount=100)
        for more in ({"fault": "answer_lost"}, {}):
            service.simulator.post("/simulator/script", {"for": "reversal", **script, **more})
        assert reverse(service, checkout).status_code == 202
        look(service)
        assert len(service.ledger()["reversals"]) == 2
        assert service.refunds()[0].status == "pending"
        return checkout

    @pytest.fixture
    def checkout(self, service: Service) -> str:
        return self.taken_twice(service)

    def events(self, service: Service, checkout: str) -> list[str]:
        return [event.cause for event in service.events(service.row(checkout).id)]

    def test_the_second_try_is_in_the_trail_before_it_is_made(self, service: Service, checkout: str) -> None:
        assert self.events(service, checkout)[-3:] == [
            "refund_unanswered",
            "refund_sent_again",
            "refund_accepted",
        ]

    def test_the_result_of_the_first_is_believed(self, service: Service, checkout: str) -> None:
        """It names ids that we never received, and the receipt that had to be reversed."""
        complete(service, 0)
        assert service.payment(checkout)["status"] == "refunded"
        complete(service, 1)
        assert service.ledger()["reversals"][1]["resultCode"] == "R000001"
        assert service.payment(checkout)["status"] == "refunded", "the second one tells nothing new"
        assert len(service.ledger()["credits"]) == 1
        assert service.payment(checkout)["refunds"][0]["status"] == "succeeded"
        assert [row.verdict for row in service.inbox()[-2:]] == ["applied", "noted"]
        holds_in_the_books(service)

    def test_already_reversed_is_no_verdict(self, service: Service, checkout: str) -> None:
        complete(service, 1, resultCode="R000001")
        assert service.refunds()[0].status == "pending"
        assert service.inbox()[-1].verdict == "noted"
        complete(service, 0)
        assert service.payment(checkout)["status"] == "refunded"
        holds_in_the_books(service)

    def test_nor_is_what_became_of_the_second_try(self, service: Service) -> None:
        checkout = self.taken_twice(service, callback="lost")
        complete(service, 0)
        complete(service, 1)
        look(service, 300)
        assert service.inbox()[-1].kind == "command_status_result"
        assert "more than once" in service.inbox()[-1].reason
        assert service.refunds()[0].status == "pending"
        for seconds in (900, 3_600, 21_600, 86_400):
            look(service, seconds)
        [refund] = service.payment(checkout)["refunds"]
        assert refund["status"] == "review", "only a person can tell"
        assert service.row(checkout).refunding_amount == 100
        post_result(service, ResultCode="R000001", ResultParameters=None)
        assert service.inbox()[-1].reason == "unclear; a person decides"

    def test_a_clear_refusal_is_one(self, service: Service, checkout: str) -> None:
        complete(service, 1, resultCode=1)
        assert service.payment(checkout)["refunds"][0]["status"] == "failed"


def post_result(service: Service, **changes: Any) -> None:
    refund = service.refunds()[0]
    parameters = {"Amount": 100.0, "OriginalTransactionID": service.payments()[0].receipt}
    parameters.update(changes.pop("parameters", {}))
    body: dict[str, Any] = {
        "ResultType": 0,
        "ResultCode": 0,
        "ResultDesc": "",
        "OriginatorConversationID": "another",
        "ConversationID": "AG_another",
        "TransactionID": "SKE52PAWR9",
        "ResultParameters": {
            "ResultParameter": [{"Key": key, "Value": value} for key, value in parameters.items()]
        },
    }
    body.update(changes)
    token = tokens_of(service.runtime.encryption, "refund", refund.id).result
    url = f"{service.url}/api/mpesa/callback/command/result/{token}"
    assert requests.post(url, json={"Result": body}, timeout=5).status_code == 200


@pytest.mark.parametrize("changes", [{"parameters": {"OriginalTransactionID": "OTHER"}}, {"ResultCode": 1}])
def test_a_result_that_is_about_something_else_is_disputed(service: Service, changes: dict) -> None:
    reverse(service, service.paid(amount=100))
    if "ResultCode" in changes:
        changes = {**changes, "ResultParameters": None}
    post_result(service, **changes)
    assert service.inbox()[-1].verdict == "disputed"
    assert service.refunds()[0].status == "pending"


def test_a_lost_result_is_made_up_for_by_a_query(service: Service) -> None:
    service.simulator.post("/simulator/script", {"for": "reversal", "callback": "lost"})
    checkout = service.paid(amount=100)
    reverse(service, checkout)
    complete(service)
    look(service)
    payment = service.payment(checkout)
    assert (payment["status"], service.refunds()[0].evidence) == ("refunded", "status")
    assert payment["refunds"][0]["mpesaReceiptNumber"] == service.ledger()["credits"][0]["receipt"]


def test_declined_by_the_answer_to_a_question(service: Service) -> None:
    service.simulator.post("/simulator/script", {"for": "reversal", "callback": "lost"})
    checkout = service.paid(amount=100)
    reverse(service, checkout)
    complete(service, resultCode=1)
    look(service)
    assert service.payment(checkout)["refunds"][0]["status"] == "failed"


def test_a_time_out_leaves_it_open(service: Service) -> None:
    checkout = service.paid(amount=100)
    reverse(service, checkout)
    conversation = service.ledger()["reversals"][0]["conversationId"]
    service.simulator.post(f"/simulator/commands/{conversation}/timeout")
    assert service.payment(checkout)["refunds"][0]["status"] == "unknown"
    complete(service)
    assert service.payment(checkout)["status"] == "refunded"


class TestCommandLine:
    def run(self, service: Service, *words: str) -> Any:
        words = (*words, "--by", "amina", "--reason", "sent to the wrong shop")
        return service.app.test_cli_runner().invoke(args=["mpesa", *words])

    def test_reverse(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        result = self.run(service, "reverse", checkout)
        assert (result.exit_code, "of 100 shillings is pending" in result.output) == (0, True)
        created = service.events(service.row(checkout).id)[-2]
        assert created.actor == "operator:amina"
        assert created.detail == {"amount": 100, "method": "reversal", "reason": "sent to the wrong shop"}

    def test_a_refusal_gives_its_reason(self, service: Service) -> None:
        result = self.run(service, "reverse", service.pending())
        assert (result.exit_code, "cannot be refunded" in result.output) == (1, True)

    def test_says_why_as_the_api_must(self, service: Service) -> None:
        words = ("reverse", service.paid(amount=100), "--by", "amina", "--reason", "")
        result = service.app.test_cli_runner().invoke(args=["mpesa", *words])
        assert (result.exit_code, "reason: " in result.output) == (2, True)
        assert service.refunds() == []

    def test_out_of_review(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        with service.runtime.database.begin() as session:
            payment = session.get_one(Payment, service.row(checkout).id)
            move_payment(session, payment, "contradicted", Cause("test", service.clock()))
        result = self.run(service, "review", "refund", checkout, "--method", "reversal")
        assert result.exit_code == 0, result.output
        assert service.refunds()[0].method == "reversal"
