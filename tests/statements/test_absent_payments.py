"""Payments that a statement should show and lacks: a person sees them, until one shows them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.statements.applying import apply_statement, request_apply
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.withdrawing import withdraw_statement
from mpesa_service.verification.payments import verify
from tests.c2b.support import confirm, expect_order, order_row
from tests.cli.test_payouts import run
from tests.review.support import resolve
from tests.review.test_discrepancies import close, found, look
from tests.statements.support import BOSS, import_rows, own, running
from tests.statements.test_applying import applied, of_receipt
from tests.support import Service

RECEIPT, OTHER = "UK1EXAMPL1", "UK1EXAMPL2"
AT = "22-11-2026 12:00:00"


@pytest.fixture(autouse=True)
def paid(service: Service) -> None:
    """A payment of 22 November, and the first of December."""
    expect_order(service)
    confirm(service, TransID=RECEIPT)
    service.clock.now = datetime(2026, 12, 1, tzinfo=UTC)


def of(service: Service, tmp_path: Path, *receipts: str, name: str = "s.csv") -> StatementRecord:
    service.clock.advance(1)
    rows = running(*((one, AT, {"paid_in": "100.00"}) for one in receipts))
    return import_rows(service, tmp_path, own(rows), name)


def without(service: Service, tmp_path: Path, *more: str, name: str = "s.csv") -> StatementRecord:
    """Apply a statement of November that lacks the payment, even if it contradicts an applied one."""
    return applied_anyway(service, of(service, tmp_path, OTHER, *more, name=name))


def applied_anyway(service: Service, record: StatementRecord) -> StatementRecord:
    request_apply(service.runtime, BOSS, record.id, None, "both are right")
    return apply_statement(service.runtime, record.id)


def test_it_waits_for_a_person(service: Service, tmp_path: Path) -> None:
    record = without(service, tmp_path)
    [one], payment = look(service), of_receipt(service, RECEIPT)
    assert (one["kind"], one["mpesaReceiptNumber"], one["amount"]) == ("absent", RECEIPT, "100.00")
    assert (one["resourceId"], one["statementId"], one["row"]) == (payment.id, record.id, None)
    assert "does not show its receipt" in one["sentence"]
    assert found(service)[0].startswith("1 wait for a person")
    assert RECEIPT in run(service, "list", group="discrepancies")
    assert payment.status == "succeeded"
    applied(service, record)
    assert (len(look(service)), list(verify(service.runtime))) == (1, [])


def test_a_person_closes_it_once(service: Service, tmp_path: Path) -> None:
    without(service, tmp_path)
    assert close(service, look(service)[0]["_id"]).status_code == 200
    without(service, tmp_path, "UK1EXAMPL3", name="t.csv")
    assert (look(service), found(service), of_receipt(service, RECEIPT).status) == ([], [], "succeeded")


def test_a_person_says_that_the_money_never_came(service: Service, tmp_path: Path) -> None:
    record = without(service, tmp_path)
    [one] = look(service)
    answer = close(service, one["_id"], belongsTo=of_receipt(service, OTHER).id)
    assert (answer.status_code, answer.json["code"]) == (400, "belongs_to_nothing")
    assert close(service, one["_id"], belongsTo=RECEIPT).json["data"]["belongsTo"] == one["resourceId"]
    payment = of_receipt(service, RECEIPT)
    reason = f"Needs manual review: M-Pesa's statement {record.id} covers its time, and does not show"
    assert (payment.status, str(payment.failure_reason)[: len(reason)]) == ("review", reason)
    assert (look(service), order_row(service).received_amount) == ([], 0)
    assert resolve(service, payment.id, "fail").status_code == 200
    assert list(verify(service.runtime)) == []


def test_an_applied_statement_that_shows_it_closes_it(service: Service, tmp_path: Path) -> None:
    without(service, tmp_path)
    other = of(service, tmp_path, RECEIPT, OTHER, name="other.csv")
    assert len(look(service)) == 1
    applied_anyway(service, other)
    assert (look(service), found(service)) == ([], [])
    withdraw_statement(service.runtime, BOSS, other.id, "edited by hand")
    assert len(look(service)) == 1


def test_the_one_that_lacks_it_is_withdrawn(service: Service, tmp_path: Path) -> None:
    first = without(service, tmp_path)
    withdraw_statement(service.runtime, BOSS, first.id, "of another month")
    assert look(service) == []
    second = without(service, tmp_path, "UK1EXAMPL3", name="t.csv")
    assert [one["statementId"] for one in look(service)] == [second.id]


def test_what_is_in_review_waits_there(service: Service, tmp_path: Path) -> None:
    confirm(service, TransID="UK1EXAMPL4", BillRefNumber="RENT", TransTime="20261122120000")
    without(service, tmp_path)
    assert [one["mpesaReceiptNumber"] for one in look(service)] == [RECEIPT]


def test_a_file_that_proves_nothing_names_none(service: Service, tmp_path: Path) -> None:
    rows: list[Any] = running((OTHER, AT, {"paid_in": "100.00"}))
    applied(service, import_rows(service, tmp_path, own(rows, **{"Account:": "Working Account"})))
    assert look(service) == []
