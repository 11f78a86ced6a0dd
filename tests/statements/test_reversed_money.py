"""Money that was reversed in the portal: a person decides about it, whichever line or report comes first."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from mpesa_service.c2b.retry_matching import match_due
from mpesa_service.models import Refund
from mpesa_service.verification.payments import verify
from tests.c2b.support import c2b_body, confirm, expect_order, order_row, post_c2b
from tests.statements.files import portal_row
from tests.statements.support import import_rows, lines, outcomes, own
from tests.statements.test_applying import applied, apply_rows, income, of_receipt
from tests.statements.test_matching import refund_of
from tests.support import Service

RECEIPT = "UK1EXAMPL1"
LATER = "22-11-2026 11:00:00"
REASON = (
    "Needs manual review: M-Pesa's statement shows that this money was reversed in the portal (100.00,"
    " receipt UK1REVERS1)."
)


def reversal(amount: str = "-100.00", linked: str = RECEIPT) -> list[Any]:
    details = r"Pay Utility Reversal by SHOP\boss"
    words = {"type": "Pay Utility Reversal", "details": details, "linked": linked}
    return portal_row("UK1REVERS1", LATER, "", amount, **words)


def causes(service: Service) -> list[str]:
    return [event.cause for event in service.events(of_receipt(service, RECEIPT).id)]


def test_a_paid_payment_goes_to_review_once(service: Service, tmp_path: Path) -> None:
    expect_order(service)
    confirm(service, TransID=RECEIPT)
    record = apply_rows(service, tmp_path, [income(), reversal()])
    payment = of_receipt(service, RECEIPT)
    assert (payment.status, payment.failure_reason) == ("review", REASON)
    assert (order_row(service).received_amount, record.progress["reviewed"]) == (0, 1)
    assert record.report["differing"] == []
    body = {"amount": 100, "phoneNumber": "0712345678", "reason": "c", "confirmDifferentPayer": True}
    assert service.call("POST", f"/{payment.id}/refund", body, by="boss", admin=True).status_code == 409
    assert applied(service, record).progress["reviewed"] == 0
    assert causes(service).count("contradicted") == 1
    assert list(verify(service.runtime)) == []


@pytest.mark.parametrize("action", ["settle", "fail"])
def test_what_a_person_decides_stays(service: Service, tmp_path: Path, action: str) -> None:
    expect_order(service)
    confirm(service, TransID=RECEIPT)
    record = apply_rows(service, tmp_path, [income(), reversal()])
    path = f"/{of_receipt(service, RECEIPT).id}/resolve"
    body = {"action": action, "reason": "seen in the portal"}
    answer = service.call("POST", path, body, by="boss", admin=True)
    assert answer.status_code == 200, answer.json
    again = applied(service, record)
    assert again.progress["reviewed"] == 0
    assert of_receipt(service, RECEIPT).status == {"settle": "succeeded", "fail": "failed"}[action]
    assert list(verify(service.runtime)) == []


def test_money_that_is_missing_is_booked_into_review(service: Service, tmp_path: Path) -> None:
    expect_order(service)
    record = apply_rows(service, tmp_path, [income(), reversal()])
    payment = of_receipt(service, RECEIPT)
    assert (payment.status, payment.order_id, payment.failure_reason) == ("review", "ORDER1", REASON)
    assert causes(service) == ["created", "contradicted"]
    assert (order_row(service).received_amount, record.progress["reviewed"]) == (0, 1)
    assert [line.outcome for line in lines(service)] == ["reviewed", "reviewed"]
    assert applied(service, record).progress["reviewed"] == 0
    assert list(verify(service.runtime)) == []


@pytest.mark.parametrize("reversal_first", [True, False])
def test_the_lines_may_stand_in_two_files(service: Service, tmp_path: Path, reversal_first: bool) -> None:
    expect_order(service)
    files = [[income()], [reversal()]]
    for number, rows in enumerate(reversed(files) if reversal_first else files):
        applied(service, import_rows(service, tmp_path, own(rows), f"{number}.csv"))
    assert of_receipt(service, RECEIPT).status == "review"
    assert order_row(service).received_amount == 0


def test_a_confirmation_may_come_after_the_reversal(service: Service, tmp_path: Path) -> None:
    record = apply_rows(service, tmp_path, [reversal()])
    assert outcomes(record) == {"elsewhere": 1}
    confirm(service, TransID=RECEIPT)
    assert (of_receipt(service, RECEIPT).status, lines(service)[0].outcome) == ("review", "reviewed")
    # An order that is expected later does not take the money either.
    expect_order(service)
    service.clock.advance(120)
    match_due(service.runtime)
    assert of_receipt(service, RECEIPT).status == "review"


def test_money_that_waits_without_an_order_is_not_matched_later(service: Service, tmp_path: Path) -> None:
    confirm(service, TransID=RECEIPT)
    apply_rows(service, tmp_path, [reversal()])
    payment = of_receipt(service, RECEIPT)
    assert (payment.status, payment.failure_reason) == ("review", REASON)
    expect_order(service)
    service.clock.advance(120)
    match_due(service.runtime)
    assert of_receipt(service, RECEIPT).status == "review"


def test_unmatched_money_is_not_returned_again(service: Service, tmp_path: Path) -> None:
    apply_rows(service, tmp_path, [income(), reversal()])
    path = f"/unmatched/{of_receipt(service, RECEIPT).id}/return"
    answer = service.call("POST", path, {"reason": "wrong number"}, by="boss", admin=True)
    assert (answer.status_code, answer.json["code"]) == (409, "reversed_in_portal")
    decision = {"action": "settle", "reason": "reversed"}
    path = f"/{of_receipt(service, RECEIPT).id}/resolve"
    assert service.call("POST", path, decision, by="boss", admin=True).json["code"] == "unmatched"
    failed = service.call("POST", path, {**decision, "action": "fail"}, by="boss", admin=True)
    assert failed.status_code == 200, failed.json
    assert list(verify(service.runtime)) == []


def test_verify_finds_a_reversal_that_is_not_applied(service: Service, tmp_path: Path) -> None:
    expect_order(service)
    confirm(service, TransID=RECEIPT)
    record = import_rows(service, tmp_path, own([income(), reversal()]))
    [found] = verify(service.runtime)
    assert (found.invariant, record.id in found.sentence) == ("reversed_money_is_decided", True)


def test_the_money_of_a_prompt_is_reversed_too(service: Service, tmp_path: Path) -> None:
    checkout = service.pending()
    apply_rows(service, tmp_path, [reversal()])
    service.clock.advance(60)
    post_c2b(service, c2b_body(service, TransID=RECEIPT))
    payment = service.row(checkout)
    assert (payment.status, payment.receipt, payment.failure_reason) == ("review", RECEIPT, REASON)
    confirm(service, TransID=RECEIPT)
    assert len(service.payments()) == 1


def test_our_own_reversal_is_none_of_the_portal(service: Service, tmp_path: Path) -> None:
    expect_order(service)
    confirm(service, TransID=RECEIPT)
    payment = of_receipt(service, RECEIPT)
    refund_of(service, payment.id, "r1", receipt=None, status="unknown", reserved_amount=100)
    record = apply_rows(service, tmp_path, [income(), reversal()])
    assert outcomes(record) == {"agrees": 1, "elsewhere": 1}
    assert of_receipt(service, RECEIPT).status == "succeeded"
    with service.runtime.database.begin() as session:
        session.execute(update(Refund).values(receipt="UK1REVERS1", status="succeeded"))
    assert outcomes(applied(service, record)) == {"agrees": 2}
    assert of_receipt(service, RECEIPT).status == "succeeded"
