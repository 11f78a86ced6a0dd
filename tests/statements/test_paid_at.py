"""The time of a payment: lines of the applied statement state it, and a beginning is no completion."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mpesa_service.models import Payment
from mpesa_service.statements.records import StatementRecord
from tests.c2b.support import confirm, expect_order
from tests.statements.files import STORE_COLUMNS, as_csv
from tests.statements.support import import_rows, imported, own
from tests.statements.test_applying import applied, income
from tests.support import Service

CONFIRMED = datetime(2026, 11, 22, 6, 59, 30, tzinfo=UTC)
COMPLETED = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
BEGAN = "2026-11-22 09:58:00.0"


def only(service: Service) -> Payment:
    [payment] = service.payments()
    return payment


def stated(service: Service) -> tuple[datetime | None, str | None]:
    return only(service).paid_at, only(service).paid_at_source


def of_stores(
    service: Service, tmp_path: Path, began: str = BEGAN, account: str = "ORDER1"
) -> StatementRecord:
    """Import a statement of shape C with one payment."""
    details = f"254712345678 - J Acc. {account}"
    row: list[Any] = [
        "CBD",
        "UK1EXAMPL1",
        "M",
        "Customer Merchant Payment",
        began,
        details,
        "100.00",
        "",
        "",
        "",
    ]
    return imported(
        service, as_csv(tmp_path / "c.csv", [STORE_COLUMNS, row]), "Mpesa_174379_20261123080000.csv"
    )


def test_a_statement_that_is_not_applied_changes_no_time(service: Service, tmp_path: Path) -> None:
    confirm(service, TransID="UK1EXAMPL1", TransTime="20261122095930")
    of_stores(service, tmp_path)
    import_rows(
        service, tmp_path, own([income(at="22-11-2026 09:00:00")], **{"Account:": "Other Account"}), "b.csv"
    )
    assert stated(service) == (CONFIRMED, "confirmation")
    applied(service, import_rows(service, tmp_path, own([income()])))
    assert stated(service) == (COMPLETED, "statement")


def test_a_beginning_does_not_replace_a_time(service: Service, tmp_path: Path) -> None:
    confirm(service, TransID="UK1EXAMPL1", TransTime="20261122095930")
    record = applied(service, of_stores(service, tmp_path))
    assert record.progress["raised"] == 1
    assert only(service).evidence == "statement"
    assert stated(service) == (CONFIRMED, "confirmation")
    assert applied(service, record).progress["raised"] == 0


def test_a_later_statement_states_the_time(service: Service, tmp_path: Path) -> None:
    confirm(service, TransID="UK1EXAMPL1", TransTime="20261122095930")
    applied(service, of_stores(service, tmp_path))
    record = applied(service, import_rows(service, tmp_path, own([income()])))
    assert stated(service) == (COMPLETED, "statement")
    assert record.progress["raised"] == 1
    assert applied(service, record).progress["raised"] == 0


def test_money_of_stores_has_no_time_until_a_source_states_it(service: Service, tmp_path: Path) -> None:
    expect_order(service)
    applied(service, of_stores(service, tmp_path))
    assert only(service).evidence == "statement"
    assert stated(service) == (None, None)
    confirm(service, TransID="UK1EXAMPL1", TransTime="20261122095930")
    assert stated(service) == (CONFIRMED, "confirmation")


def test_a_beginning_finds_the_prompt(service: Service, tmp_path: Path) -> None:
    service.pending()
    service.clock.advance(60 * 60 * 48)
    applied(service, of_stores(service, tmp_path, "2026-11-22 12:00:10.0", ""))
    payment = only(service)
    assert (payment.channel, payment.status, payment.receipt) == ("stk", "succeeded", "UK1EXAMPL1")
    assert payment.paid_at is None


def test_times_in_a_report_are_those_of_nairobi(service: Service, tmp_path: Path) -> None:
    record = import_rows(service, tmp_path, own([income()]))
    [missing] = record.report["missing"]
    assert (missing["at"], record.accounts[0]["firstAt"]) == ("2026-11-22T10:00:00.000+03:00",) * 2
    assert record.report["at"].endswith("+03:00")
