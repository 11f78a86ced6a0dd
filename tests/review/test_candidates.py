"""A statement shows a payout while the refund or payout that it may be has no outcome."""

from pathlib import Path

import pytest

from mpesa_service.models import Refund
from mpesa_service.verification.payments import verify
from tests.payouts.support import ROW, made, pay, payouts
from tests.payouts.support import complete as complete_payouts
from tests.refunds.support import complete
from tests.review.support import resolve
from tests.review.test_discrepancies import close, found, look
from tests.statements.test_applying import applied, apply_rows
from tests.statements.test_contradicted import line
from tests.support import Service


def in_review(service: Service) -> tuple[str, Refund]:
    """Return a payment's CheckoutRequestID, and its refund of 60 of 100 shillings, which is in review."""
    checkout = service.paid()
    service.refund(checkout, 60)
    complete(service, resultCode=17)
    [refund] = service.refunds()
    assert refund.status == "review"
    return checkout, refund


def test_a_refund_in_review_does_not_fail_before_the_line_is_explained(
    service: Service, tmp_path: Path
) -> None:
    checkout, refund = in_review(service)
    apply_rows(service, tmp_path, [line("UK1PAIDOUT", "-60.00")])
    [one] = look(service)
    assert (one["kind"], one["resourceId"], found(service)[0][:6]) == ("payout", refund.id, "1 wait")
    assert one["sentence"].endswith(f"it may be refund {refund.id} (review).")
    answer = resolve(service, checkout, "fail")
    assert (answer.status_code, answer.json["code"]) == (409, "statement_shows_payout")
    assert "UK1PAIDOUT" in answer.json["message"]
    assert answer.json["details"] == {
        "_id": refund.id,
        "receipt": "UK1PAIDOUT",
        "discrepancyId": one["_id"],
    }
    assert service.row(checkout).refunding_amount == 60
    assert close(service, one["_id"], belongsTo=refund.id).status_code == 200
    [refund] = service.refunds()
    assert (refund.status, refund.receipt, "60.00 paid out" in str(refund.failure_reason)) == (
        "review",
        "UK1PAIDOUT",
        True,
    )
    assert resolve(service, checkout, "settle").json["data"]["status"] == "partially_refunded"
    assert (look(service), list(verify(service.runtime))) == ([], [])


def test_other_money_is_closed_with_a_reason_and_then_the_refund_fails(
    service: Service, tmp_path: Path
) -> None:
    checkout, _ = in_review(service)
    record = apply_rows(service, tmp_path, [line("UK1PAIDOUT", "-60.00")])
    [one] = look(service)
    assert close(service, one["_id"]).status_code == 200
    assert resolve(service, checkout, "fail").status_code == 200
    applied(service, record)
    assert (service.refunds()[0].status, look(service)) == ("failed", [])


def test_settling_with_the_receipt_explains_the_line(service: Service, tmp_path: Path) -> None:
    checkout, _ = in_review(service)
    apply_rows(service, tmp_path, [line("UK1PAIDOUT", "-60.00")])
    assert resolve(service, checkout, "settle", receipt="UK1PAIDOUT").status_code == 200
    assert (look(service), found(service), list(verify(service.runtime))) == ([], [], [])


def test_a_payout_in_review(service: Service, tmp_path: Path) -> None:
    made(service, ROW)
    pay(service)
    complete_payouts(service, resultCode=17)
    apply_rows(service, tmp_path, [line("UK1PAIDOUT", "-100.00")])
    [row], [one] = payouts(service), look(service)
    body = {"action": "fail", "reason": "code 17"}
    path = f"/payouts/rows/{row.id}/resolve"
    answer = service.call("POST", path, body, by="otieno", admin=True)
    assert answer.json["code"] == "statement_shows_payout"
    assert [one.status for one in payouts(service)] == ["review"]
    assert close(service, one["_id"]).status_code == 200
    assert service.call("POST", path, body, by="otieno", admin=True).status_code == 200


@pytest.mark.parametrize("code", [1, 0])
def test_one_in_progress_that_fails_later(service: Service, tmp_path: Path, code: int) -> None:
    checkout = service.paid()
    service.refund(checkout, 60)
    apply_rows(service, tmp_path, [line("UK1PAIDOUT", "-60.00")])
    [one], [refund] = look(service), service.refunds()
    assert one["candidates"][0]["status"] == "pending"
    assert close(service, one["_id"], belongsTo=refund.id).json["code"] == "not_failed"
    complete(service, resultCode=code)
    [refund] = service.refunds()
    if code:
        assert [c["status"] for c in look(service)[0]["candidates"]] == [refund.status]
    else:  # it was paid under another receipt, so the line is other money
        assert (refund.status, look(service)) == ("succeeded", [])
