"""A prompted payment whose confirmation, or whose booking by receipt, names another amount ends in review."""

import pytest

from mpesa_service.c2b.arrivals import ArrivedMoney
from mpesa_service.c2b.book_money import book_money
from mpesa_service.domain.reports import Evidence
from mpesa_service.operations import doctor
from mpesa_service.payments.reconcile import check_due
from mpesa_service.review.unmatched import list_unmatched
from mpesa_service.verification.payments import verify
from tests.c2b.support import confirm
from tests.review.support import waiting
from tests.support import Service


def disputed(service: Service, source: Evidence, cents: int = 9_000) -> str:
    """Return the CheckoutRequestID of a payment of 100, whose receipt has another amount."""
    checkout = service.paid()
    receipt = str(service.row(checkout).receipt)
    if source is Evidence.CONFIRMATION:
        confirm(service, TransID=receipt, TransAmount=f"{cents / 100:.2f}")
    else:
        book_money(service.runtime, ArrivedMoney(receipt=receipt, cents=cents), source)
    payment = service.row(checkout)
    assert (payment.status, payment.mismatch, payment.amount) == ("succeeded", "amount", 100)
    assert payment.next_check_at is not None
    return checkout


def assert_in_review(service: Service, checkout: str) -> None:
    payment = service.row(checkout)
    assert (payment.status, payment.amount) == ("review", 100)
    assert str(payment.failure_reason).startswith("Needs manual review: ")
    assert waiting(service) == [payment.id]
    [found] = [one for one in doctor.waiting(service.runtime) if one.check == "review"]
    assert found.found.endswith("(payments: 1)")


@pytest.mark.parametrize("source", [Evidence.CONFIRMATION, Evidence.STATUS, Evidence.PULL])
def test_a_query_that_says_paid_does_not_explain_it(service: Service, source: Evidence) -> None:
    checkout = disputed(service, source)
    service.clock.advance(60)
    check_due(service.runtime)
    assert_in_review(service, checkout)


def test_queries_without_an_answer_do_not_explain_it(service: Service) -> None:
    checkout = disputed(service, Evidence.CONFIRMATION)
    answer = {"status": 500, "body": {"errorCode": "500.001.1001", "errorMessage": "busy"}}
    service.simulator.post("/simulator/script", {"for": "stk_query", "times": 50, "answer": answer})
    for _ in range(12):
        service.clock.advance(4 * 3600)
        check_due(service.runtime)
    assert_in_review(service, checkout)


def test_a_fractional_amount_of_a_known_receipt_is_no_other_money(service: Service) -> None:
    checkout = disputed(service, Evidence.CONFIRMATION, 10_050)
    assert list_unmatched(service.runtime) == ()
    service.clock.advance(60)
    check_due(service.runtime)
    assert_in_review(service, checkout)
    assert list(verify(service.runtime)) == []
