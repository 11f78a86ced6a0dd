"""Matches that are undone, and the idempotency keys of moves."""

from typing import Any

import pytest
from sqlalchemy import select, update

from mpesa_service.c2b import retry_matching
from mpesa_service.c2b.booking import match_if_it_fits
from mpesa_service.models import C2bConfirmation, IdempotencyKey
from tests.c2b.support import assert_books_are_right, causes, confirm, look
from tests.orders.support import add_order
from tests.refunds.support import complete
from tests.review.test_moves import known, move, payment, sums
from tests.review.test_unmatched import match, unmatched
from tests.support import Service

__all__ = ["payment"]


class TestUndo:
    def test_the_money_is_unmatched_again(self, service: Service, payment: str) -> None:
        answer = move(service, payment, None)
        assert answer.status_code == 200
        assert answer.json["message"] == "Moved from order ORDER1: the payment is unmatched now"
        shown = answer.json["data"]
        assert (shown["status"], shown["orderId"], shown["metadata"]) == ("review", None, {})
        assert shown["failureReason"] == "Needs manual review: a person has undone its match to an order."
        assert [one["payment"]["_id"] for one in unmatched(service)] == [payment]
        assert sums(service, "ORDER1") == [("open", 0)]
        assert service.call("GET", f"/query/{payment}").status_code == 404, "it has no owner any more"
        assert_books_are_right(service)

    def test_twice_is_once(self, service: Service, payment: str) -> None:
        move(service, payment, None)
        answer = move(service, payment, None)
        assert answer.json["message"] == "Nothing to move: the payment is unmatched already"
        assert causes(service, service.row(payment)).count("match_undone") == 1

    def test_no_job_matches_it_again(self, service: Service) -> None:
        """A person matched it within the minute in which the job would retry, and undid it."""
        confirm(service, BillRefNumber="ORDER1")
        payment = service.payments()[0].id
        add_order(service)
        match(service, payment)
        move(service, payment, None)
        look(service)
        assert service.row(payment).status == "review"
        with service.runtime.database.read() as session:
            assert session.scalars(select(C2bConfirmation.retry_at)).one() is None
        assert_books_are_right(service)

    def test_a_job_that_has_begun_does_not_match_it_again(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        confirm(service, BillRefNumber="ORDER1")
        payment = service.payments()[0].id
        add_order(service)

        def after_a_match_and_its_undoing(*arguments: Any, **named: Any) -> None:
            match(service, payment)
            move(service, payment, None)
            match_if_it_fits(*arguments, **named)

        monkeypatch.setattr(retry_matching, "match_if_it_fits", after_a_match_and_its_undoing)
        look(service)
        assert service.row(payment).status == "review"
        assert causes(service, service.row(payment)).count("matched") == 1
        assert_books_are_right(service)

    def test_it_can_be_matched_again_with_its_refund(self, service: Service, payment: str) -> None:
        known(service, payment)
        service.refund(payment, 40)
        complete(service)
        move(service, payment, None)
        assert service.payment(payment)["status"] == "review"
        assert_books_are_right(service)
        assert match(service, payment, "ORDER2").json["data"]["status"] == "partially_refunded"
        assert sums(service, "ORDER1", "ORDER2") == [("open", 0), ("partially_paid", 60)]
        assert_books_are_right(service)

    def test_a_rest_is_not_reversed(self, service: Service, payment: str) -> None:
        known(service, payment)
        service.refund(payment, 40)
        complete(service)
        move(service, payment, None)
        body = {"reason": "not ours"}
        answer = service.call("POST", f"/unmatched/{payment}/return", body, by="amina", admin=True)
        assert (answer.status_code, answer.json["code"]) == (409, "partly_refunded")
        assert service.row(payment).status == "review"
        assert_books_are_right(service)

    def test_a_new_order_takes_the_rest(self, service: Service, payment: str) -> None:
        """The job's match also respects what was refunded."""
        confirm(service, BillRefNumber="LATER", TransID="RKL51ZDR5F")
        later = next(one.id for one in service.payments() if one.id != payment)
        match(service, later, "ORDER2")
        known(service, later)
        service.refund(later, 40)
        complete(service)
        move(service, later, None)
        service.call("POST", "/orders", {"orderId": "LATER", "amount": 100})
        assert service.row(later).status == "partially_refunded"
        assert sums(service, "LATER") == [("partially_paid", 60)]
        assert_books_are_right(service)


class TestKeys:
    def test_a_repeated_request_gets_the_same_answer(self, service: Service, payment: str) -> None:
        first = move(service, payment, "ORDER2", Idempotency_Key="k1")
        move(service, payment, "ORDER1", Idempotency_Key="k2")
        again = move(service, payment, "ORDER2", Idempotency_Key="k1")
        assert (again.data, again.headers["Idempotent-Replayed"]) == (first.data, "true")
        assert service.row(payment).order_id == "ORDER1", "nothing was moved again"
        assert_books_are_right(service)

    def test_a_key_of_another_request(self, service: Service, payment: str) -> None:
        move(service, payment, "ORDER2", Idempotency_Key="k1")
        answer = move(service, payment, None, Idempotency_Key="k1")
        assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")
        assert service.row(payment).order_id == "ORDER2"

    def test_an_expired_key_is_free(self, service: Service, payment: str) -> None:
        move(service, payment, "ORDER2", Idempotency_Key="k1")
        with service.runtime.database.begin() as session:
            session.execute(update(IdempotencyKey).values(expires_at=service.clock()))
        assert move(service, payment, None, Idempotency_Key="k1").status_code == 200
        assert service.row(payment).order_id is None

    def test_a_refusal_leaves_the_key_free(self, service: Service, payment: str) -> None:
        assert move(service, payment, "ORDER9", Idempotency_Key="k1").status_code == 404
        add_order(service, "ORDER9")
        assert move(service, payment, "ORDER9", Idempotency_Key="k1").status_code == 200
