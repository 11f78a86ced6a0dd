"""The same money in several files: a person decides about it once, whichever files have it."""

from pathlib import Path
from typing import Any

import pytest

from mpesa_service.statements.records import StatementRecord
from mpesa_service.verification.payments import verify
from tests.c2b.support import confirm, expect_order
from tests.review.support import resolve
from tests.statements.files import STORE_COLUMNS, as_csv
from tests.statements.support import SHORTCODE, import_rows, imported, lines, own
from tests.statements.test_applying import applied, income, of_receipt
from tests.statements.test_contradicted import line, refunded
from tests.support import Service

RECEIPT = "UK1EXAMPL1"


def shape_a(service: Service, tmp_path: Path, *rows: list[Any]) -> StatementRecord:
    return import_rows(service, tmp_path, own([*rows]), "a.csv")


def shape_c(service: Service, tmp_path: Path, receipt: str, credit: str, debit: str) -> StatementRecord:
    """Import one line in shape C, whose times are those at which transactions began."""
    kind = "Pay Utility" if credit else "Business Payment to Customer"
    began = "2026-11-22 09:59:58"
    row = ["Shop", receipt, "Utility Account", kind, began, "2547****5678 - J", credit, debit, "0.00", ""]
    path = as_csv(tmp_path / "c", [STORE_COLUMNS, row])
    return imported(service, path, f"Mpesa_{SHORTCODE}_20261123080000.csv")


@pytest.fixture
def payment(service: Service) -> str:
    """The id of a payment of 100 shillings."""
    expect_order(service)
    confirm(service, TransID=RECEIPT)
    return of_receipt(service, RECEIPT).id


def contradicted(service: Service, payment: str) -> int:
    return [event.cause for event in service.events(payment)].count("contradicted")


@pytest.mark.parametrize("imported_before", [True, False])
@pytest.mark.parametrize("c_first", [True, False])
def test_a_payment_of_another_amount(
    service: Service, tmp_path: Path, payment: str, imported_before: bool, c_first: bool
) -> None:
    def import_one(shape: str) -> StatementRecord:
        if shape == "a":
            return shape_a(service, tmp_path, income(amount="90.00"))
        return shape_c(service, tmp_path, RECEIPT, "90.00", "")

    first, second = ("c", "a") if c_first else ("a", "c")
    record, later = import_one(first), import_one(second) if imported_before else None
    assert applied(service, record).progress["reviewed"] == 1
    assert resolve(service, payment, "settle").status_code == 200
    other = applied(service, later or import_one(second))
    assert other.progress["reviewed"] == 0
    assert (of_receipt(service, RECEIPT).status, contradicted(service, payment)) == ("succeeded", 1)
    assert [one.outcome for one in lines(service)] == ["reviewed", "reviewed"]
    for one in (record, other):
        assert applied(service, one).progress["reviewed"] == 0
    assert list(verify(service.runtime)) == []


def test_another_amount_is_another_question(service: Service, tmp_path: Path, payment: str) -> None:
    applied(service, shape_a(service, tmp_path, income(amount="90.00")))
    resolve(service, payment, "settle")
    other = applied(service, shape_c(service, tmp_path, RECEIPT, "80.00", ""))
    assert (other.progress["reviewed"], of_receipt(service, RECEIPT).status) == (1, "review")


def test_a_refund_of_another_amount(service: Service, tmp_path: Path) -> None:
    checkout, refund = refunded(service)
    record = applied(service, shape_a(service, tmp_path, line(refund.receipt, "-59.00")))
    assert record.progress["reviewed"] == 1
    assert resolve(service, checkout, "settle").status_code == 200
    other = applied(service, shape_c(service, tmp_path, str(refund.receipt), "", "59.00"))
    assert (other.progress["reviewed"], service.refunds()[0].status) == (0, "succeeded")
    assert list(verify(service.runtime)) == []
