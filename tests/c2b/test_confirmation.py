"""Money that C2B confirmed is in the account, whatever becomes of the prompt beside it."""

from typing import Any

import pytest
import requests

from mpesa_service.c2b.arrivals import typed_reference
from mpesa_service.models import OutgoingEvent, Payment
from mpesa_service.payments.reconcile import check_due
from tests.c2b.support import RECEIPT, assert_books_are_right, causes, confirm, look, order_row
from tests.callbacks.support import stk_body
from tests.orders.test_expected import expect_order, state, sums
from tests.support import Service

SECOND = "RKL51ZDR4G"


def post_callback(service: Service, checkout: str, url: str | None = None, **changes: Any) -> str:
    """Post a callback of the prompt; return its verdict."""
    body = stk_body(service, checkout, **changes)
    answer = requests.post(url or service.callback_url(checkout), json=body, timeout=5)
    assert answer.status_code == 200
    return service.inbox()[-1].verdict


def event_types(service: Service) -> list[str]:
    with service.runtime.database.read() as session:
        return [event.type for event in session.query(OutgoingEvent).order_by(OutgoingEvent.id)]


def queries(service: Service) -> int:
    return int(service.ledger()["requests"].get("stk_query", 0))


def by_channel(service: Service) -> tuple[Payment, Payment]:
    [prompted, other] = sorted(service.payments(), key=lambda payment: payment.channel or "", reverse=True)
    assert (prompted.channel, other.channel) == ("stk", "c2b")
    return prompted, other


@pytest.fixture
def proven(service: Service) -> str:
    """Return the CheckoutRequestID of a payment that was paid by C2B while its prompt waited."""
    checkout = service.pending()
    confirm(service)
    assert service.row(checkout).status == "succeeded"
    return checkout


class TestThePromptEnds:
    @pytest.mark.parametrize("how", ["cancel", "expire"])
    def test_and_the_payment_stays_paid(self, service: Service, proven: str, how: str) -> None:
        service.simulator.post(f"/simulator/prompts/{proven}/{how}")
        for _ in range(3):
            service.clock.advance(3_600)
            assert check_due(service.runtime) == 0
        payment = service.row(proven)
        assert (payment.status, payment.receipt, payment.mismatch) == ("succeeded", RECEIPT, None)
        assert (payment.next_check_at, queries(service)) == (None, 0)
        assert causes(service, payment)[-2:] == ["paid", "prompt_over"]
        assert event_types(service) == ["payment.succeeded"]
        assert service.inbox()[-1].verdict == "noted"
        assert_books_are_right(service)

    def test_which_stands_in_the_trail_once(self, service: Service, proven: str) -> None:
        assert [post_callback(service, proven, ResultCode=1032) for _ in range(3)] == [
            "noted",
            "duplicate",
            "duplicate",
        ]
        assert causes(service, service.row(proven)).count("prompt_over") == 1

    def test_also_if_its_failure_was_reported_before_the_money_came(self, service: Service) -> None:
        checkout = service.pending()
        post_callback(service, checkout, ResultCode=1037)
        confirm(service)
        assert post_callback(service, checkout, ResultCode=1037) == "noted"
        assert service.row(checkout).status == "succeeded"

    def test_a_stranger_who_says_so_is_not_even_noted(self, service: Service, proven: str) -> None:
        url = f"{service.url}/api/mpesa/callback"
        assert post_callback(service, proven, url, ResultCode=1032) == "noted"
        assert service.row(proven).next_check_at is None
        assert causes(service, service.row(proven))[-1] == "paid"

    def test_a_part_that_was_paid_back_makes_no_difference(self, service: Service, proven: str) -> None:
        assert service.refund(proven, 40).status_code == 200
        [command] = service.simulator.get("/simulator/b2c")["payouts"]
        service.simulator.post(f"/simulator/b2c/{command['originatorConversationId']}/complete")
        assert post_callback(service, proven, ResultCode=1032) == "noted"
        assert service.row(proven).status == "partially_refunded"

    def test_the_confirmation_resolves_an_earlier_negative_result(self, service: Service) -> None:
        """The callbacks reported paid, then not paid. The query that was due is no longer needed."""
        checkout = service.pending()
        post_callback(service, checkout, receipt=RECEIPT)
        assert post_callback(service, checkout, ResultCode=1032) == "disputed"
        assert service.row(checkout).mismatch == "negative_result"
        confirm(service)
        payment = service.row(checkout)
        assert (payment.status, payment.mismatch, payment.next_check_at) == ("succeeded", None, None)
        assert_books_are_right(service)

    def test_m_pesas_negative_results_no_longer_count(self, service: Service) -> None:
        """They are to come while a claim of another amount stands open: the confirmation is the proof."""
        checkout = service.pending()
        confirm(service)
        assert post_callback(service, checkout, receipt=RECEIPT, amount=99.0) == "disputed"
        service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
        for _ in range(4):
            service.clock.advance(90)
            check_due(service.runtime)
        payment = service.row(checkout)
        assert (payment.status, payment.mismatch, payment.next_check_at) == ("succeeded", None, None)
        assert queries(service) <= 1

    def test_a_confirmation_of_another_amount_is_no_proof(self, service: Service) -> None:
        checkout = service.pending()
        post_callback(service, checkout, receipt=RECEIPT)
        confirm(service, TransAmount="90.00")
        assert post_callback(service, checkout, ResultCode=1032) == "disputed"
        assert service.row(checkout).mismatch == "negative_result"


class TestThePromptIsPaidAsWell:
    """A second debit for one order: a payment of its own, whichever report arrives first."""

    def test_its_callback_makes_it_a_payment_that_waits_for_a_person(
        self, service: Service, proven: str
    ) -> None:
        assert post_callback(service, proven, receipt=SECOND) == "noted"
        prompted, second = by_channel(service)
        assert (prompted.status, prompted.receipt, prompted.next_check_at) == ("succeeded", RECEIPT, None)
        assert (second.status, second.receipt, second.amount) == ("review", SECOND, 100)
        typed = typed_reference(service.runtime.encryption, second.bill_reference_encrypted)
        assert (typed, second.evidence) == ("ORDER1", "callback")
        assert "paid already" in str(second.failure_reason)
        assert causes(service, prompted)[-1] == "paid_again"
        assert event_types(service) == ["payment.succeeded", "payment.review"]
        assert_books_are_right(service)

    def test_its_payer_is_found_by_the_whole_number(self, service: Service, proven: str) -> None:
        post_callback(service, proven, receipt=SECOND, phone=None)
        prompted, second = by_channel(service)
        assert second.phone_hash == prompted.phone_hash

    def test_the_confirmation_that_follows_is_known(self, service: Service, proven: str) -> None:
        post_callback(service, proven, receipt=SECOND)
        confirm(service, TransID=SECOND)
        assert service.inbox()[-1].verdict == "duplicate"
        assert post_callback(service, proven, receipt=SECOND) == "noted"
        assert len(service.payments()) == 2
        assert_books_are_right(service)

    def test_a_confirmation_before_the_callback(self, service: Service, proven: str) -> None:
        confirm(service, TransID=SECOND)
        assert post_callback(service, proven, receipt=SECOND) == "noted"
        service.clock.advance(90)
        assert check_due(service.runtime) == 0
        prompted, second = by_channel(service)
        assert (prompted.status, second.status) == ("succeeded", "review")
        assert causes(service, prompted)[-1] == "paid"
        assert_books_are_right(service)

    def test_a_payment_of_an_expected_order_counts(self, service: Service) -> None:
        expect_order(service)
        checkout = service.pending()
        confirm(service)
        post_callback(service, checkout, receipt=SECOND)
        assert sums(state(service)) == ("overpaid", 200, 0, 100)
        assert [payment.status for payment in service.payments()] == ["succeeded", "succeeded"]
        assert event_types(service)[-1] == "order.overpaid"
        assert_books_are_right(service)

    def test_of_an_order_that_was_canceled_it_waits(self, service: Service) -> None:
        expect_order(service, amount=100)
        checkout = service.pending()
        confirm(service)
        with service.runtime.database.begin() as session:
            session.merge(order_row(service)).status = "canceled"
        post_callback(service, checkout, receipt=SECOND)
        assert by_channel(service)[1].status == "review"

    @pytest.mark.parametrize(
        "changes",
        [{"amount": 99.0}, {"phone": 254722000001}, {"MerchantRequestID": "other"}],
        ids=str,
    )
    def test_other_values_are_a_mismatch(
        self, service: Service, proven: str, changes: dict[str, Any]
    ) -> None:
        assert post_callback(service, proven, receipt=SECOND, **changes) == "disputed"
        assert len(service.payments()) == 1

    def test_a_stranger_who_says_so_makes_nothing(self, service: Service, proven: str) -> None:
        shared = f"{service.url}/api/mpesa/callback"
        assert post_callback(service, proven, shared, receipt=SECOND) == "disputed"
        assert len(service.payments()) == 1

    def test_by_the_simulator(self, service: Service) -> None:
        service.call("POST", "/c2b/register", {}, by="boss", admin=True)
        checkout = service.pending()
        body = {"msisdn": "254712345678", "amount": 100, "billRefNumber": "ORDER1"}
        service.simulator.post("/simulator/c2b", body)
        assert service.row(checkout).status == "succeeded"
        service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        look(service)
        check_due(service.runtime)
        prompted, second = by_channel(service)
        assert (prompted.status, second.status) == ("succeeded", "review")
        assert {prompted.receipt, second.receipt} == {d["receipt"] for d in service.ledger()["debits"]}
        assert_books_are_right(service)
