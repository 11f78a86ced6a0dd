"""The account that a line names: with the zeros that a spreadsheet removed, and with words after `via`."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mpesa_service.c2b.retry_matching import match_due
from mpesa_service.models import Payment
from mpesa_service.verification.payments import verify
from tests.c2b.support import expect_order, order_row
from tests.payments.support import lose_callbacks, pay
from tests.statements.test_applying import apply_rows, income, of_receipt
from tests.support import Service

PAYER = "254712345678 - J"
RECEIPT = "UK1EXAMPL1"
ZEROS = {"typed": "55501", "details": f"Pay Bill from {PAYER} Acc. 55501"}


def details(account: str) -> dict[str, str]:
    """Return the cells of a line whose account stands only in its details."""
    return {"typed": "", "details": f"Pay Bill from {PAYER} Acc. {account}"}


def local(moment: datetime) -> str:
    return (moment + timedelta(hours=3)).strftime("%d-%m-%Y %H:%M:%S")


def settled_by_query(service: Service, order_id: str) -> Payment:
    """Start a prompt that is paid, whose callback is lost: a query settles it, without a receipt."""
    lose_callbacks(service)
    checkout = service.pending(order_id)
    pay(service, checkout)
    service.clock.advance(10)
    service.payment(checkout)
    [payment] = service.payments()
    assert (payment.status, payment.receipt) == ("succeeded", None)
    return payment


@pytest.mark.parametrize(
    "cells", [{**ZEROS, "details": f"Pay Bill from {PAYER} Acc. 0055501"}, ZEROS, details("55501")]
)
def test_a_prompt_whose_account_lost_its_zeros(
    service: Service, tmp_path: Path, cells: dict[str, str]
) -> None:
    paid = settled_by_query(service, "0055501")
    apply_rows(service, tmp_path, [income(at=local(paid.created_at), party=PAYER, **cells)])
    [payment] = service.payments()
    assert (payment.id, payment.receipt, payment.order_id) == (paid.id, RECEIPT, "0055501")
    assert list(verify(service.runtime)) == []


def test_a_prompt_of_another_amount_or_time_is_not_meant(service: Service, tmp_path: Path) -> None:
    paid = settled_by_query(service, "0055501")
    rows = [income("UK1EXAMPL1", "90.00", at=local(paid.created_at), party=PAYER, **ZEROS)]
    rows.append(income("UK1EXAMPL2", at=local(paid.created_at + timedelta(hours=4)), party=PAYER, **ZEROS))
    apply_rows(service, tmp_path, rows)
    assert {of_receipt(service, f"UK1EXAMPL{n}").status for n in (1, 2)} == {"review"}


def test_a_prompt_and_another_order_with_such_an_account(service: Service, tmp_path: Path) -> None:
    paid = settled_by_query(service, "0055501")
    expect_order(service, "055501")
    apply_rows(service, tmp_path, [income(at=local(paid.created_at), party=PAYER, **ZEROS)])
    assert of_receipt(service, RECEIPT).status == "review"


@pytest.mark.parametrize("account", ["TRIP via NAIROBI", "TRIP via NAIROBI via WEB by X"])
def test_an_order_id_may_contain_via(service: Service, tmp_path: Path, account: str) -> None:
    expect_order(service, "TRIP via NAIROBI")
    apply_rows(service, tmp_path, [income(**details(account))])
    assert of_receipt(service, RECEIPT).order_id == "TRIP via NAIROBI"


def test_an_account_before_via(service: Service, tmp_path: Path) -> None:
    expect_order(service, "TRIP")
    apply_rows(service, tmp_path, [income(**details("TRIP via WEB by X"))])
    assert of_receipt(service, RECEIPT).order_id == "TRIP"


def test_a_line_that_fits_the_orders_with_and_without_via(service: Service, tmp_path: Path) -> None:
    expect_order(service, "TRIP")
    expect_order(service, "TRIP via NAIROBI")
    apply_rows(service, tmp_path, [income(**details("TRIP via NAIROBI"))])
    service.clock.advance(120)
    match_due(service.runtime)
    payment = of_receipt(service, RECEIPT)
    assert (payment.status, payment.order_id) == ("review", None)
    assert "names several accounts" in str(payment.failure_reason)
    assert {order_row(service, one).received_amount for one in ("TRIP", "TRIP via NAIROBI")} == {0}


def test_the_column_of_the_account_decides(service: Service, tmp_path: Path) -> None:
    expect_order(service, "TRIP")
    expect_order(service, "TRIP via NAIROBI")
    cells = {**details("TRIP via NAIROBI"), "typed": "TRIP via NAIROBI"}
    apply_rows(service, tmp_path, [income(**cells)])
    assert of_receipt(service, RECEIPT).order_id == "TRIP via NAIROBI"
