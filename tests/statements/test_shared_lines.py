"""A line that several files have: each report has its own numbers, and the files complete each other."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from mpesa_service.cli.statement_output import print_statement
from mpesa_service.models import StatementSharedLine
from mpesa_service.statements.report import compare
from mpesa_service.statements.withdrawing import withdraw_statement
from tests.c2b.support import confirm, expect_order
from tests.statements.files import NEW_COLUMNS, as_csv
from tests.statements.support import BOSS, SHORTCODE, import_rows, imported, own
from tests.statements.test_applying import applied, income, of_receipt
from tests.support import Service

LATER = {"at": "22-11-2026 10:00:01"}
NAME = f"Statements for {SHORTCODE} from 2026-11-22 to 2026-11-22.csv"
BARE: dict[str, Any] = {"typed": "", "details": "Pay Bill", "party": ""}


def shown(record: Any, name: str = "missing") -> list[tuple[int | None, str]]:
    return [(one["row"], one["receipt"]) for one in record.report[name]]


def test_a_report_has_the_line_numbers_of_its_own_file(service: Service, tmp_path: Path) -> None:
    first, second = income("UK1EXAMPL1"), income("UK1EXAMPL2", **LATER)
    one = import_rows(service, tmp_path, own([first, second]))
    other = import_rows(service, tmp_path, own([second, first, income("UK1EXAMPL3")]), "b.csv")
    assert shown(one) == [(4, "UK1EXAMPL1"), (5, "UK1EXAMPL2")]
    assert sorted(shown(other)) == [(4, "UK1EXAMPL2"), (5, "UK1EXAMPL1"), (6, "UK1EXAMPL3")]
    assert shown(compare(service.runtime, one)) == shown(one)


def test_so_has_a_report_of_another_shape(service: Service, tmp_path: Path) -> None:
    import_rows(service, tmp_path, own([income("UK1EXAMPL1")]))
    details = "Pay Bill from 2547****5678 - J Acc. 8"
    row = ["UK1EXAMPL1", "22/11/2026 10:00:00", details, "Completed", "100.00", "0.00", ""]
    record = imported(service, as_csv(tmp_path / "b", [NEW_COLUMNS, row]), NAME)
    assert (record.new_count, shown(record)) == (0, [(2, "UK1EXAMPL1")])


def test_so_has_a_time_that_is_far_from_another_source(service: Service, tmp_path: Path) -> None:
    confirm(service, TransID="UK1EXAMPL1", TransTime="20261121095930")
    import_rows(service, tmp_path, own([income("UK1EXAMPL1")]))
    record = import_rows(service, tmp_path, own([income("UK1EXAMPL2"), income("UK1EXAMPL1")]), "b.csv")
    assert [one["row"] for one in record.report["times"]["rows"]] == [5]


def test_a_number_that_was_not_kept_is_left_out(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_rows(service, tmp_path, own([income("UK1EXAMPL1")]))
    record = import_rows(service, tmp_path, own([income("UK1EXAMPL1")], **{"Note:": ""}), "b.csv")
    with service.runtime.database.begin() as session:
        session.execute(update(StatementSharedLine).values(row_number=None))
    record = compare(service.runtime, record)
    assert shown(record) == [(None, "UK1EXAMPL1")]
    print_statement(record)
    assert "None" not in capsys.readouterr().out


def test_an_account_that_only_the_second_file_has_counts(service: Service, tmp_path: Path) -> None:
    expect_order(service)
    import_rows(service, tmp_path, own([income(**BARE)]))
    record = import_rows(service, tmp_path, own([income(typed="ORDER1", party="2547****678 - J")]), "b.csv")
    assert record.new_count == 0
    applied(service, record)
    payment = of_receipt(service, "UK1EXAMPL1")
    assert (payment.order_id, payment.status) == ("ORDER1", "succeeded")
    assert payment.payer_encrypted is not None


def test_it_counts_for_money_that_waits_without_an_account(service: Service, tmp_path: Path) -> None:
    expect_order(service)
    applied(service, import_rows(service, tmp_path, own([income(**BARE)])))
    assert of_receipt(service, "UK1EXAMPL1").status == "review"
    record = applied(service, import_rows(service, tmp_path, own([income(typed="ORDER1")]), "b.csv"))
    assert (of_receipt(service, "UK1EXAMPL1").order_id, record.progress["matched"]) == ("ORDER1", 1)


@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_file_that_does_not_count_names_no_account(
    service: Service, tmp_path: Path, withdrawn: bool
) -> None:
    expect_order(service)
    first = import_rows(service, tmp_path, own([income(**BARE)]))
    second = import_rows(service, tmp_path, own([income(typed="ORDER1")]), "b.csv")
    if withdrawn:
        withdraw_statement(service.runtime, BOSS, second.id, "somebody changed it")
    applied(service, first)
    assert of_receipt(service, "UK1EXAMPL1").status == "review"
