"""Two sources name different amounts for one receipt: a person decides, whichever source came first."""

from pathlib import Path

from mpesa_service.verification.payments import verify
from tests.c2b.support import confirm, expect_order, order_row
from tests.statements.support import lines
from tests.statements.test_applying import applied, apply_rows, income, of_receipt
from tests.support import Service

RECEIPT = "UK1EXAMPL1"
REASON = "M-Pesa reported 770.00 for its receipt UK1EXAMPL1 at first, and 700.00 later"


def broken(service: Service) -> list[str]:
    return [one.invariant for one in verify(service.runtime)]


def test_two_lines_of_one_receipt_go_to_review(service: Service, tmp_path: Path) -> None:
    expect_order(service, amount=120)
    record = apply_rows(service, tmp_path, [income(amount="120.00"), income(amount="121.00")])
    assert of_receipt(service, RECEIPT).status == "review"
    assert [line.outcome for line in lines(service)] == ["booked", "reviewed"]
    assert (record.progress["booked"], record.progress["reviewed"]) == (1, 1)
    assert order_row(service).received_amount == 0
    assert broken(service) == ["disputed_amounts_are_decided"]
    assert applied(service, record).progress["reviewed"] == 0


def test_a_confirmation_that_contradicts_a_statement_does_so_once(service: Service, tmp_path: Path) -> None:
    expect_order(service, amount=770)
    record = apply_rows(service, tmp_path, [income(amount="770.00")])
    confirm(service, TransID=RECEIPT, TransAmount="700.00")
    payment = of_receipt(service, RECEIPT)
    assert (payment.status, payment.failure_reason) == ("review", f"Needs manual review: {REASON}.")
    assert broken(service) == ["disputed_amounts_are_decided"]
    body = {"action": "settle", "amount": 700, "reason": "the phone shows 700"}
    answer = service.call("POST", f"/{payment.id}/resolve", body, by="boss", admin=True)
    assert answer.status_code == 200, answer.json
    confirm(service, TransID=RECEIPT, TransAmount="700.00")
    assert (of_receipt(service, RECEIPT).status, broken(service)) == ("succeeded", [])
    assert order_row(service).received_amount == 700
    assert applied(service, record).status == "applied"


def test_a_third_amount_is_noted(service: Service) -> None:
    confirm(service, TransID=RECEIPT, TransAmount="770.00")
    confirm(service, TransID=RECEIPT, TransAmount="700.00")
    confirm(service, TransID=RECEIPT, TransAmount="701.00")
    payment = of_receipt(service, RECEIPT)
    assert [event.cause for event in service.events(payment.id)] == [
        "created",
        "unmatched",
        "disputed",
        "disputed",
    ]
    assert payment.status == "review"


def test_a_fractional_amount_has_no_payment(service: Service) -> None:
    confirm(service, TransID=RECEIPT, TransAmount="770.50")
    confirm(service, TransID=RECEIPT, TransAmount="700.00")
    assert (service.payments(), broken(service)) == ([], ["disputed_amounts_are_decided"])
