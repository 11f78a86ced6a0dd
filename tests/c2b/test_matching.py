"""Confirmations of money that a prompt brought: each is matched with its payment."""

from datetime import timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from mpesa_service.c2b import matching
from mpesa_service.models import Payment
from mpesa_service.payments.reconcile import check_due
from tests.c2b.bookings import OTHER, only, pay_with_lost_callback, prompted_first, statuses, verdicts
from tests.c2b.support import (
    MASKED,
    RECEIPT,
    assert_books_are_right,
    causes,
    confirm,
    confirmations,
    look,
)
from tests.callbacks.support import stk_body
from tests.support import PHONE, Service


def repeat_by_callback(service: Service, checkout: str, **changes: Any) -> None:
    """Let the STK callback with the same receipt arrive."""
    body = stk_body(service, checkout, receipt=RECEIPT, **changes)
    assert requests.post(service.callback_url(checkout), json=body, timeout=5).status_code == 200


class TestAPaymentConfirmedAgain:
    """An STK payment that arrives again as a confirmation is one payment, whichever comes first."""

    def test_callback_first(self, service: Service) -> None:
        checkout = service.pending()
        repeat_by_callback(service, checkout)
        confirm(service)
        assert verdicts(service) == ["applied", "duplicate"]
        assert (only(service).status, only(service).evidence) == ("succeeded", "confirmation")
        assert_books_are_right(service)

    def test_confirmation_first(self, service: Service) -> None:
        checkout = service.pending()
        confirm(service)
        assert (only(service).status, only(service).evidence) == ("succeeded", "confirmation")
        assert (only(service).receipt, only(service).result_code) == (RECEIPT, "0")
        repeat_by_callback(service, checkout)
        assert verdicts(service) == ["applied", "duplicate"]
        assert causes(service, only(service)) == ["created", "push_accepted", "paid"]
        assert_books_are_right(service)

    @pytest.mark.parametrize(
        ("order", "typed"),
        [
            ("ORDER1", " order 1"),
            ("ORDER1", "Order-1"),
            ("ORDER-1001", "71C270BR1001"),
            ("ORDER-1001", "71c270br1001"),
            ("ORDER-1001", "order 1001"),
        ],
    )
    def test_the_reference_as_people_type_it(self, service: Service, order: str, typed: str) -> None:
        service.pending(order=order)
        confirm(service, BillRefNumber=typed)
        assert only(service).status == "succeeded"

    @pytest.mark.parametrize("payer", [MASKED, PHONE, sha256(PHONE.encode()).hexdigest(), "f" * 64, None])
    def test_a_payer_that_agrees_or_is_unknown(self, service: Service, payer: Any) -> None:
        service.pending()
        confirm(service, MSISDN=payer)
        assert only(service).status == "succeeded"

    @pytest.mark.parametrize("changes", [{"TransAmount": "99.00"}, {"BillRefNumber": "ORDER2"}], ids=str)
    def test_other_money_is_not_taken_for_it(self, service: Service, changes: dict[str, str]) -> None:
        service.pending()
        confirm(service, **changes)
        assert statuses(service) == ["pending", "review"]

    def test_a_push_whose_answer_was_lost_is_settled(self, service: Service) -> None:
        service.simulator.post("/simulator/script", {"for": "stk_push", "fault": "error_5xx"})
        assert service.initiate().status_code == 202
        assert only(service).status == "unknown"
        confirm(service)
        assert only(service).status == "succeeded"
        assert_books_are_right(service)

    def test_a_failed_payment_whose_money_arrived_needs_no_second_word(self, service: Service) -> None:
        checkout = service.pending()
        repeat_by_callback(service, checkout, ResultCode=1037)
        assert only(service).status == "failed"
        confirm(service)
        assert (only(service).status, only(service).receipt) == ("succeeded", RECEIPT)
        assert causes(service, only(service))[-1] == "late_payment"
        assert_books_are_right(service)

    def test_money_long_after_the_prompt_failed_is_other_money(self, service: Service) -> None:
        checkout = service.pending()
        repeat_by_callback(service, checkout, ResultCode=1032)
        service.clock.advance(3_700)
        confirm(service)
        assert statuses(service) == ["canceled", "review"]

    def test_a_payment_that_only_daraja_called_paid_gets_its_receipt(self, service: Service) -> None:
        pay_with_lost_callback(service)
        service.clock.advance(30)
        check_due(service.runtime)
        assert (only(service).status, only(service).receipt) == ("succeeded", None)
        confirm(service)
        assert (only(service).receipt, only(service).evidence) == (RECEIPT, "confirmation")
        assert verdicts(service) == ["applied"]
        assert_books_are_right(service)

    def test_money_after_that_is_other_money(self, service: Service) -> None:
        checkout = service.pending()
        repeat_by_callback(service, checkout)
        confirm(service, TransID="RKL51ZDR4G")
        assert statuses(service) == ["succeeded", "review"]

    def test_money_that_moved_before_the_push_is_other_money(self, service: Service) -> None:
        service.clock.advance(600)
        service.pending()
        service.clock.advance(-600)
        confirm(service)
        assert statuses(service) == ["pending", "review"]

    def test_a_known_receipt_with_another_amount_is_a_mismatch(self, service: Service) -> None:
        checkout = service.pending()
        repeat_by_callback(service, checkout)
        confirm(service, TransAmount="90.00")
        assert verdicts(service) == ["applied", "disputed"]
        assert only(service).mismatch == "amount"
        assert only(service).next_check_at == service.clock() + timedelta(0), "a query of Daraja is due"

    def test_a_receipt_that_was_booked_elsewhere_is_not_counted_twice(self, service: Service) -> None:
        """Its confirmation did not find its payment; a person must put the two together."""
        checkout = pay_with_lost_callback(service)
        confirm(service, BillRefNumber="NOTHING")
        repeat_by_callback(service, checkout)
        assert verdicts(service) == ["unmatched", "disputed"]
        [prompted, unmatched] = prompted_first(service)
        assert (prompted.status, prompted.mismatch, unmatched.receipt) == ("pending", "receipt", RECEIPT)
        service.clock.advance(10)
        check_due(service.runtime)
        assert statuses(service) == ["review", "review"]


class TestSeveralMayBeMeant:
    @pytest.fixture
    def two(self, service: Service) -> tuple[str, str]:
        """Two payments of one order: the first lost its lock, and the customer started again."""
        first = self.lock_released(service)
        second = service.pending()
        service.clock.advance(10)
        return first, second

    def lock_released(self, service: Service, phone: str = PHONE) -> str:
        """Start a payment that nobody says anything of, and let its prompt's life pass."""
        service.simulator.post("/simulator/script", {"for": "stk_query", "fault": "error_5xx", "times": 99})
        service.simulator.post("/simulator/script", {"for": "stk_push", "callback": "lost"})
        checkout = service.pending(phone=phone)
        service.simulator.post(f"/simulator/prompts/{checkout}/expire")
        service.clock.advance(180)
        return checkout

    def states(self, service: Service, two: tuple[str, str]) -> list[str]:
        return [service.row(checkout).status for checkout in two]

    def test_it_waits_and_daraja_is_queried(self, service: Service, two: tuple[str, str]) -> None:
        confirm(service)
        assert self.states(service, two) == ["unknown", "pending"]
        assert verdicts(service) == ["noted"]
        [row] = confirmations(service)
        assert (row.payment_id, row.retry_at) == (None, service.clock() + timedelta(seconds=60))
        assert all(service.row(checkout).next_check_at <= service.clock() for checkout in two)
        assert_books_are_right(service)

    def test_the_callback_names_its_payment(self, service: Service, two: tuple[str, str]) -> None:
        confirm(service)
        repeat_by_callback(service, two[1])
        look(service)
        assert self.states(service, two) == ["unknown", "succeeded"]
        [row] = confirmations(service)
        assert (row.payment_id, row.retry_at) == (service.row(two[1]).id, None)

    def test_the_other_payers_prompt_is_not_meant(self, service: Service) -> None:
        first = self.lock_released(service, OTHER)
        second = service.pending()
        confirm(service)
        assert self.states(service, (first, second)) == ["unknown", "succeeded"]

    def test_what_daraja_calls_paid_takes_it_at_the_second_look(
        self, service: Service, two: tuple[str, str]
    ) -> None:
        confirm(service)
        with service.runtime.database.begin() as session:
            payment = session.merge(service.row(two[1]))
            payment.status = "succeeded"
        look(service)
        assert service.row(two[1]).receipt == RECEIPT
        assert service.row(two[0]).receipt is None

    def test_in_the_end_the_oldest_takes_it(self, service: Service, two: tuple[str, str]) -> None:
        confirm(service)
        for _ in range(9):
            look(service)
        assert self.states(service, two) == ["unknown", "pending"]
        look(service)
        assert self.states(service, two) == ["succeeded", "pending"]
        assert_books_are_right(service)

    def test_an_earlier_attempt_that_failed_waits_its_turn(self, service: Service) -> None:
        failed = service.pending()
        service.simulator.post(f"/simulator/prompts/{failed}/cancel")
        service.clock.advance(60)
        second = service.pending()
        confirm(service)
        assert self.states(service, (failed, second)) == ["canceled", "pending"]
        for _ in range(10):
            look(service)
        assert self.states(service, (failed, second)) == ["canceled", "succeeded"]

    def test_a_payer_who_differs_is_waited_for_once(self, service: Service) -> None:
        """The mask may be of an unknown kind. The callback would contain the whole number."""
        checkout = service.pending(phone=OTHER)
        confirm(service)
        assert verdicts(service) == ["noted"]
        look(service)
        assert statuses(service) == ["pending", "review"]
        assert service.row(checkout).status == "pending"

    def test_a_payment_that_moves_meanwhile_is_looked_at_again(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the search and the lock somebody else gives the candidate another receipt."""
        checkout = service.pending()
        find, reported = matching.find_candidates, []

        def overtaken(runtime: Any, arrival: Any) -> Any:
            found = find(runtime, arrival)
            if not reported:
                reported.append(1)
                with service.runtime.database.begin() as session:
                    session.get_one(Payment, service.row(checkout).id).receipt = "ANOTHER001"
            return found

        monkeypatch.setattr(matching, "find_candidates", overtaken)
        confirm(service)
        assert statuses(service) == ["pending", "review"]

    def test_one_that_never_stands_still_waits(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service.pending()
        monkeypatch.setattr(matching, "Rank", SimpleNamespace(of=lambda _: None, PAID=1))
        confirm(service)
        assert verdicts(service) == ["noted"]
        monkeypatch.undo()
        look(service)
        assert only(service).status == "succeeded"


class TestTills:
    """A till's confirmation has no reference: payer and amount must do, and the callback comes first."""

    def test_the_callback_names_its_payment(self, service: Service) -> None:
        checkout = service.pending()
        confirm(service, BillRefNumber="")
        assert (only(service).status, verdicts(service)) == ("pending", ["noted"])
        repeat_by_callback(service, checkout)
        look(service)
        assert [row.payment_id for row in confirmations(service)] == [only(service).id]
        assert len(service.payments()) == 1

    def test_without_a_callback_the_payer_decides(self, service: Service) -> None:
        service.pending()
        confirm(service, BillRefNumber=None)
        look(service)
        assert (only(service).status, only(service).receipt) == ("succeeded", RECEIPT)

    def test_an_unknown_payer_decides_nothing(self, service: Service) -> None:
        service.pending()
        confirm(service, BillRefNumber="", MSISDN=None)
        look(service)
        assert statuses(service) == ["pending", "review"]
