"""A payment goes back as a whole, by its receipt; reports after a second request are ambiguous."""

import re
from typing import Any

import pytest

from mpesa_service.domain.audit import MPESA, Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.references import new_id
from mpesa_service.models import Payment
from mpesa_service.models.commit import commit
from mpesa_service.models.load import facts_of_new
from mpesa_service.payments.transitions import move_payment
from mpesa_service.verification.simulator_ledger import Ledger
from tests.refunds.reversals import complete, reverse, verify_all
from tests.support import PHONE, Service

MASKED = "2547 ***** 678"


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
    verify_all(service)


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

    @pytest.mark.parametrize("code", ["4", "8", "2040", "SFC_IC0003", "TP40153"])
    def test_the_reason_names_no_payee(self, service: Service, code: str) -> None:
        reverse(service, service.paid(amount=100))
        complete(service, resultCode=code)
        [refund] = service.refunds()
        assert refund.status == "failed"
        assert str(refund.failure_reason).startswith("The payment was not reversed")
        assert not re.search("phone|number|receiver|your", str(refund.failure_reason), re.IGNORECASE)

    def test_reversed_before_by_somebody_else(self, service: Service) -> None:
        """By a person in the portal, perhaps: whether that was this refund, a person says."""
        checkout = service.paid(amount=100)
        reverse(service, checkout)
        complete(service, resultCode="R000001")
        [refund] = service.payment(checkout)["refunds"]
        assert refund["status"] == "review"
        assert "already reversed" in refund["failureReason"]
        assert service.row(checkout).refunding_amount == 100


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
