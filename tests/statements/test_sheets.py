"""Workbooks of several sheets: a statement that is split over them, and sheets that are something else."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlwt

from mpesa_service.errors import Conflict, InvalidRequest
from mpesa_service.statements.applying import request_apply
from tests.statements.files import DAILY_NAME, NEW_COLUMNS, PORTAL_COLUMNS, example, portal_row, preamble
from tests.statements.reading import read_file
from tests.statements.support import BOSS, imported
from tests.support import Service

NAME = "Statements for 174379 from 2026-11-01 to 2026-11-30.xlsx"


def new_row(receipt: str, paid_in: str, balance: str) -> list[str]:
    at = "27/11/2026 10:00:00"
    return [receipt, at, "Pay Bill from 2547****5678 - J Acc. A", "Completed", paid_in, "0.00", balance]


FIRST = new_row("UK27000001", "100.00", "1,100.00")
SECOND = new_row("UK27000002", "7,000.00", "8,100.00")
THIRD = new_row("UK27000003", "1.00", "8,101.00")


def as_xlsx(tmp_path: Path, sheets: Mapping[str, Iterable[Sequence[Any]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append([value if value != "" else None for value in row])
    book.save(tmp_path / "s.xlsx")
    return tmp_path / "s.xlsx"


def as_xls(tmp_path: Path, sheets: Mapping[str, Iterable[Sequence[Any]]]) -> Path:
    book = xlwt.Workbook()
    for name, rows in sheets.items():
        sheet = book.add_sheet(name)
        for number, row in enumerate(rows):
            for column, value in enumerate(row):
                sheet.write(number, column, value)
    book.save(str(tmp_path / "s.xls"))
    return tmp_path / "s.xls"


@pytest.mark.parametrize("write", [as_xlsx, as_xls])
def test_sheets_of_the_same_columns_are_one_statement(tmp_path: Path, write: Any) -> None:
    sheets = {"Sheet1": [NEW_COLUMNS, FIRST], "Sheet2": [NEW_COLUMNS, SECOND], "Sheet3": [THIRD]}
    found = read_file(write(tmp_path, sheets), NAME)
    assert [(line.row, line.receipt, line.amount_cents) for line in found.lines] == [
        (2, "UK27000001", 10_000),
        (4, "UK27000002", 700_000),
        (5, "UK27000003", 100),
    ]
    assert (found.check.balanced, found.check.findings, found.unread) == (True, (), [])


def test_the_balance_is_checked_over_all_sheets(tmp_path: Path) -> None:
    path = as_xlsx(tmp_path, {"Sheet1": [NEW_COLUMNS, FIRST], "Sheet2": [NEW_COLUMNS, THIRD]})
    assert read_file(path, NAME).check.balanced is False


def test_a_sheet_that_repeats_the_heading_goes_on_and_another_heading_does_not(tmp_path: Path) -> None:
    rows = example()
    above, lines = rows[:7], rows[7:]
    path = as_xlsx(tmp_path, {"one": [*above, *lines[:2]], "two": [*above, *lines[2:]]})
    found = read_file(path)
    assert (len(found.lines), found.check.balanced, found.check.findings) == (4, True, ())
    other = [*preamble(**{"Account:": "Merchant Account"}), PORTAL_COLUMNS, portal_row(paid_in="5.00")]
    found = read_file(as_xlsx(tmp_path, {"one": rows, "two": other}))
    assert (len(found.lines), found.check.balanced, found.totals.unread_count) == (4, False, 4)
    assert "The sheet two with 4 rows was not read: it states another account." in found.check.findings[0]


@pytest.mark.parametrize(
    ("sheets", "words"),
    [
        ({"Notes": [["Checked by"], ["amina"]], "Sheet1": [NEW_COLUMNS, FIRST]}, "Notes with 2 rows"),
        ({"Sheet1": [NEW_COLUMNS, FIRST], "Notes": [["Checked by amina"]]}, "Notes with 1 row"),
        ({"Sheet1": [NEW_COLUMNS, FIRST], "B": [[*NEW_COLUMNS[1:], "Receipt No"], SECOND]}, "B with 2 rows"),
        ({"Sheet1": [NEW_COLUMNS, FIRST], "B": [["x"], SECOND]}, "B with 2 rows"),
    ],
)
def test_a_sheet_that_is_not_understood_is_named(tmp_path: Path, sheets: Any, words: str) -> None:
    found = read_file(as_xlsx(tmp_path, sheets), NAME)
    assert (len(found.lines), found.check.balanced) == (1, False)
    assert words in found.check.findings[0]


def test_sheets_without_column_names(tmp_path: Path) -> None:
    def row(receipt: str, balance: str) -> list[str]:
        return [receipt, "2026-11-01 10:00:00", "Pay Bill from 2547 - J", "Completed", "0", "5.00", balance]

    sheets = {
        "Notes": [["hello"]],
        "one": [row("UK1EXAMPL1", "5.00")],
        "two": [row("UK1EXAMPL2", "10.00")],
        "three": [["hello"]],
    }
    found = read_file(as_xlsx(tmp_path, sheets), DAILY_NAME)
    assert [line.receipt for line in found.lines] == ["UK1EXAMPL1", "UK1EXAMPL2"]
    assert [finding[:10] for finding in found.check.findings] == ["The sheet "] * 2


def test_a_sheet_that_is_not_understood_stops_the_application(service: Service, tmp_path: Path) -> None:
    path = as_xlsx(tmp_path, {"Sheet1": [NEW_COLUMNS, FIRST], "Payments": [["UK27000002", "7,000.00"]]})
    record = imported(service, path, NAME)
    assert (record.line_count, record.unread_count, record.balanced) == (1, 1, False)
    with pytest.raises(Conflict, match="a sheet of the file was not read") as caught:
        request_apply(service.runtime, BOSS, record.id)
    assert "Payments" in caught.value.details["findings"][0]
    assert request_apply(service.runtime, BOSS, record.id, "these are my notes").status == "applying"


def test_too_many_and_too_wide_sheets_are_refused_and_not_dropped(tmp_path: Path) -> None:
    many = {"Sheet1": [NEW_COLUMNS, FIRST]} | {f"s{number}": [["x"]] for number in range(20)}
    wide = {"Sheet1": [NEW_COLUMNS, FIRST], "wide": [["x"] * 41]}
    for path in (as_xlsx(tmp_path, many), as_xls(tmp_path, wide)):
        with pytest.raises(InvalidRequest, match="too many sheets or columns"):
            read_file(path, NAME)
