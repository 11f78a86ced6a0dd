"""Any rows around the column names give a statement or a refusal, and no row vanishes."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.errors import InvalidRequest
from tests.statements.files import (
    DAILY_NAME,
    NEW_COLUMNS,
    NEW_NAME,
    OLD_COLUMNS,
    PORTAL_COLUMNS,
    STORE_COLUMNS,
    as_csv,
    portal_row,
    preamble,
)
from tests.statements.reading import Reading, read_file

CAPITALS = ["RECEIPT", "DATE", "DETAILS", "STATUS", "WITHDRAWN", "PAID IN", "BALANCE"]
CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            *("", " ", "-", "0", "0.00", "100.00", "1,000.00", "(5.00)", "UK1EXAMPL1", "ABCDEFGH"),
            *("01-11-2026 10:00:00", "01-11-2026 10:00 PM", "01-11-2026 :1:22:33", "2026-11-01", "45000.5"),
            *("Completed", "Failed", "Perhaps", "Account:", "Short Code:", "From", "To 01-11-2026", "KES"),
            *("Opening Balance:", "Receipt", "DETAILS", "Pay Bill from 2547 - J Acc. X", "\0", "٣٣٣٣"),
        ]
    ),
)
ROWS = st.lists(st.lists(CELLS, max_size=15), max_size=8)
HEADERS = st.sampled_from([PORTAL_COLUMNS, NEW_COLUMNS, STORE_COLUMNS, OLD_COLUMNS, CAPITALS, []])
NAMES = st.sampled_from([NEW_NAME, DAILY_NAME, "statement.csv"])


def read(folder: Path, rows: list[list[Any]], name: str = "s.csv") -> Reading:
    return read_file(as_csv(folder / "s", rows), name)


@given(ROWS, HEADERS, ROWS, NAMES)
def test_any_rows_give_a_result_or_a_refusal(
    above: list[list[str]], header: list[str], below: list[list[str]], name: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = read(Path(folder), [*above, header, *below], name)
        except InvalidRequest as error:
            assert error.message  # noqa: PT017 - both a refusal and a result are right
            return
    assert all(row.reason for row in found.unread)


@pytest.mark.parametrize("blank", [[], [""], ["", "", "", ""], [" "]])
def test_blank_rows_above_the_column_names_say_nothing(tmp_path: Path, blank: list[str]) -> None:
    rows = [blank, *preamble(), blank, PORTAL_COLUMNS, portal_row(paid_in="5.00", balance="5.00")]
    found = read(tmp_path, rows)
    assert (found.recognized.heading.shortcode, len(found.lines), found.unread) == ("600123", 1, [])
    consumer = ["Receipt No.", "Completion Time", "Details", "Transaction Status"]
    with pytest.raises(InvalidRequest, match="customer's own statement"):
        read(tmp_path, [blank, [*consumer, "Paid In", "Withdrawn", "Balance"]])


def daily(receipt: str, amount: str, balance: str) -> list[str]:
    details = "Pay Bill from 2547 - J Acc. INV1"
    return [receipt, "2026-11-01 10:00:00", details, "Completed", "0", amount, balance]


def newer(receipt: str, amount: str, balance: str) -> list[str]:
    details = "Pay Bill from 2547 - J Acc. INV1"
    return [receipt, "01/11/2026 10:00:00", details, "Completed", amount, "0.00", balance]


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_shape_f_has_its_column_names_anywhere(tmp_path: Path, place: int) -> None:
    rows = [daily(f"UK1EXAMPL{n}", f"{n}00.00", balance) for n, balance in ((1, "100.00"), (2, "300.00"))]
    rows.append(daily("UK1EXAMPL7", "700.00", "1000.00"))
    rows.insert(place, CAPITALS)
    found = read(tmp_path, rows, DAILY_NAME)
    assert [line.amount_cents for line in found.lines] == [10_000, 20_000, 70_000]
    assert (found.unread, found.check.balanced) == ([], True)


@pytest.mark.parametrize("place", [0, 20, 45, 60])
def test_shape_b_has_its_column_names_anywhere(tmp_path: Path, place: int) -> None:
    rows = [newer(f"UK1EXAM{n:03}", "100.00", f"{n}00.00") for n in range(1, 61)]
    rows.insert(place, NEW_COLUMNS)
    found = read(tmp_path, rows, NEW_NAME)
    assert (found.recognized.layout.shape, len(found.lines), found.unread) == ("B", 60, [])
    assert (found.totals.paid_in_cents, found.check.balanced) == (600_000, True)
    assert sorted(line.row for line in found.lines) == [line.row for line in found.lines]


def test_shape_b_without_column_names_is_not_read_as_shape_f(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="Receipt No"):
        read(tmp_path, [newer("UK1EXAMPL1", "100.00", "100.00")], NEW_NAME)


def test_column_names_in_the_middle_do_not_make_a_customers_statement_ours(tmp_path: Path) -> None:
    names = ["Receipt No.", "Completion Time", "Details", "Transaction Status", "Paid In", "Withdrawn"]
    rows = [newer(f"UK1EXAM{n:03}", "100.00", f"{n}00.00") for n in range(1, 61)]
    with pytest.raises(InvalidRequest, match="customer's own statement"):
        read(tmp_path, [*rows, [*names, "Balance"]])


def test_column_names_that_are_repeated_are_no_data(tmp_path: Path) -> None:
    rows = [CAPITALS, daily("UK1EXAMPL1", "100.00", "100.00"), CAPITALS, ["x", "Date", "Details"]]
    found = read(tmp_path, rows, DAILY_NAME)
    assert (len(found.lines), found.unread, found.check.balanced) == (1, [], True)


def test_a_transaction_above_the_column_names_that_they_do_not_fit_is_counted(tmp_path: Path) -> None:
    above = ["Kiosk", "UK0EXAMPL1", "Merchant Account", "Pay Merchant", "2026-11-01 10:00:00", "", "7.00"]
    rows = [portal_row(paid_in="5.00", balance="5.00")]
    found = read(tmp_path, [*preamble(), above, ["a note"], *preamble(), PORTAL_COLUMNS, *rows])
    assert (len(found.lines), [row.row for row in found.unread]) == (1, [3, 4])
    assert found.recognized.heading.shortcode == "600123"
    assert (found.check.balanced, found.check.findings) == (
        None,
        ("Some rows that look like transactions were not understood, so the statement proves nothing.",),
    )


def test_a_row_at_the_end_that_is_not_understood_leaves_the_rest_unproven(tmp_path: Path) -> None:
    rows = [newer("UK1EXAMPL1", "100.00", "100.00"), newer("UK1EXAMPL2", "100.00", "200.00")]
    rows[1][3] = "Perhaps"
    assert read(tmp_path, [NEW_COLUMNS, *rows], NEW_NAME).check.balanced is None
    totals = ["Totals", "", "", "", "100.00"]
    assert read(tmp_path, [NEW_COLUMNS, rows[0], totals], NEW_NAME).check.balanced is True


def test_a_row_of_shape_f_that_ends_with_its_status_is_not_understood(tmp_path: Path) -> None:
    short = [*daily("UK1EXAMPL2", "1.00", "2.00")[:3], "b", "c", "d", "e", "Completed"]
    found = read(tmp_path, [daily("UK1EXAMPL1", "100.00", "100.00"), short], DAILY_NAME)
    assert (len(found.lines), [row.reason for row in found.unread]) == (1, ["it has no amount"])


def test_times_of_one_day_in_two_forms(tmp_path: Path) -> None:
    times = ("01-11-2026 10:00 PM", "01-11-2026 11:00 PM", "01-11-2026 23:30:00", "01-11-2026 :1:22:33")
    rows = [portal_row(f"UK1EXAMPL{n}", at, "5.00") for n, at in enumerate(times)]
    found = read(tmp_path, [*preamble(), PORTAL_COLUMNS, *rows])
    assert [line.completed_at.hour for line in found.lines] == [19, 20, 20]
    assert [row.reason for row in found.unread] == ["its time is not readable"]
