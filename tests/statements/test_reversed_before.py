"""A prompt's money that a statement shows as reversed before any report named its receipt."""

from pathlib import Path

import pytest

from mpesa_service.operations import doctor
from mpesa_service.payments.reconcile import check_due
from mpesa_service.verification.payments import verify
from tests.c2b.support import RECEIPT as CONFIRMED
from tests.c2b.support import confirm
from tests.c2b.test_confirmation import post_callback
from tests.payments.support import lose_callbacks, pay
from tests.review.support import resolve, waiting
from tests.statements.support import lines
from tests.statements.test_applying import applied, apply_rows
from tests.statements.test_reversed_money import REASON, reversal
from tests.support import Service

RECEIPT = "NLJ7RT61SV"


def assert_in_review(service: Service, checkout: str) -> None:
    payment = service.row(checkout)
    assert (payment.status, payment.receipt, payment.failure_reason) == ("review", RECEIPT, REASON)
    assert waiting(service) == [payment.id]
    [found] = [one for one in doctor.waiting(service.runtime) if one.check == "review"]
    assert found.found.endswith("(payments: 1)")
    assert [line.outcome for line in lines(service)] == ["reviewed"]
    assert list(verify(service.runtime)) == []


def paid_by_query(service: Service) -> str:
    lose_callbacks(service)
    checkout = service.pending()
    pay(service, checkout)
    service.clock.advance(10)
    assert service.payment(checkout)["status"] == "succeeded"
    assert service.row(checkout).receipt is None
    return checkout


def test_a_late_success_goes_to_review(service: Service, tmp_path: Path) -> None:
    checkout = service.pending()
    record = apply_rows(service, tmp_path, [reversal(linked=RECEIPT)])
    assert post_callback(service, checkout) == "applied"
    assert_in_review(service, checkout)
    # What a person decides stays, whatever arrives again.
    assert resolve(service, checkout, "fail").json["data"]["status"] == "failed"
    post_callback(service, checkout)
    assert applied(service, record).progress["reviewed"] == 0
    assert service.row(checkout).status == "failed"


def test_a_person_may_decide_that_the_money_is_there(service: Service, tmp_path: Path) -> None:
    checkout = service.pending()
    record = apply_rows(service, tmp_path, [reversal(linked=RECEIPT)])
    post_callback(service, checkout)
    assert resolve(service, checkout, "settle").json["data"]["status"] == "succeeded"
    post_callback(service, checkout)
    assert applied(service, record).progress["reviewed"] == 0
    assert (service.row(checkout).status, list(verify(service.runtime))) == ("succeeded", [])


def test_a_callback_that_names_the_receipt_after_a_query(service: Service, tmp_path: Path) -> None:
    checkout = paid_by_query(service)
    apply_rows(service, tmp_path, [reversal(linked=RECEIPT)])
    post_callback(service, checkout)
    assert_in_review(service, checkout)


def test_a_payment_in_review_without_a_receipt_gets_the_reason(service: Service, tmp_path: Path) -> None:
    lose_callbacks(service)
    checkout = service.pending()
    for _ in range(12):
        service.clock.advance(4 * 3600)
        check_due(service.runtime)
    assert service.row(checkout).status == "review"
    apply_rows(service, tmp_path, [reversal(linked=RECEIPT)])
    post_callback(service, checkout)
    assert_in_review(service, checkout)


def test_a_claim_that_a_query_confirms(service: Service, tmp_path: Path) -> None:
    lose_callbacks(service)
    checkout = service.pending()
    apply_rows(service, tmp_path, [reversal(linked=RECEIPT)])
    post_callback(service, checkout, ResultCode=1037)
    assert service.row(checkout).status == "failed"
    assert post_callback(service, checkout) == "disputed"
    pay(service, checkout)
    service.clock.advance(60)
    check_due(service.runtime)
    assert_in_review(service, checkout)


def test_the_second_money_of_a_prompt(service: Service, tmp_path: Path) -> None:
    checkout = service.pending()
    confirm(service)
    apply_rows(service, tmp_path, [reversal(linked=RECEIPT)])
    post_callback(service, checkout)
    first, second = sorted(service.payments(), key=lambda one: one.receipt != CONFIRMED)
    assert (first.receipt, first.status) == (CONFIRMED, "succeeded")
    assert (second.receipt, second.status, second.failure_reason) == (RECEIPT, "review", REASON)
    assert list(verify(service.runtime)) == []


@pytest.mark.parametrize("linked", [True, False])
def test_our_own_reversal_is_none_of_the_portal(service: Service, tmp_path: Path, linked: bool) -> None:
    checkout = service.pending()
    post_callback(service, checkout)
    service.call("POST", f"/{checkout}/refund", {"method": "reversal"}, by="boss", admin=True)
    apply_rows(service, tmp_path, [reversal(linked=RECEIPT if linked else "")])
    post_callback(service, checkout)
    assert service.row(checkout).status == "succeeded"
