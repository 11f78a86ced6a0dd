"""Shapes by their columns, and what a file and its name say about themselves."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mpesa_service.domain.statements import Shape
from mpesa_service.errors import InvalidRequest
from tests.statements.files import (
    DAILY_NAME,
    NEW_COLUMNS,
    NEW_NAME,
    OLD_COLUMNS,
    PORTAL_COLUMNS,
    STORE_COLUMNS,
    as_csv,
    example,
    portal,
    portal_row,
    preamble,
)
from tests.statements.reading import Reading, read_file

BEGIN = datetime(2026, 10, 31, 21, tzinfo=UTC)
NEW_ROW = [
    "UK1EXAMPL4",
    "01/11/2026 11:12:13",
    "Pay Bill from 2547****5678 - J Acc. INV8",
    "Completed",
    "990.00",
]


def read(tmp_path: Path, rows: list[list[object]], name: str = "statement.csv") -> Reading:
    return read_file(as_csv(tmp_path / "file", rows), name)


def test_shape_a_says_everything_itself(tmp_path: Path) -> None:
    heading = read(tmp_path, example()).recognized.heading
    assert (heading.shortcode, heading.account) == ("600123", "Utility Account")
    assert (heading.period_from, heading.period_to) == (BEGIN, datetime(2026, 11, 2, 20, 59, 59, tzinfo=UTC))
    sums = (heading.opening_cents, heading.closing_cents, heading.paid_in_cents, heading.withdrawn_cents)
    assert sums == (0, 149_000, 150_000, 1_000)


def test_labels_may_differ_and_may_be_unreadable(tmp_path: Path) -> None:
    above = [
        ["Till Number:", "900456"],
        ["Time Period", "From", "soon", "From", "01-11-2026", "To", "02-11-2026 10:00:00"],
        ["Opening Balance:", "unknown"],
    ]
    heading = read(tmp_path, [*above, PORTAL_COLUMNS, portal_row(paid_in="5.00")]).recognized.heading
    assert (heading.shortcode, heading.opening_cents, heading.period_from) == ("900456", None, BEGIN)
    assert heading.period_to == datetime(2026, 11, 2, 7, tzinfo=UTC)


def test_shape_a_with_a_currency_and_without_its_last_columns(tmp_path: Path) -> None:
    rows = [
        [*PORTAL_COLUMNS, "Currency"],
        [*portal_row(paid_in="5.00"), "KES"],
        [*portal_row(paid_in="5.00"), "USD"],
    ]
    found = read(tmp_path, [*preamble(), *rows])
    assert (len(found.lines), [row.reason for row in found.unread]) == (1, ["its currency is not KES"])
    short = [[*PORTAL_COLUMNS[:8]], portal_row(paid_in="5.00")[:8]]
    found = read(tmp_path, [*preamble(), *short])
    assert (found.recognized.layout.shape, len(found.lines)) == (Shape.PORTAL, 1)


@pytest.mark.parametrize("name", [NEW_NAME, NEW_NAME.replace(".csv", " (1).csv"), NEW_NAME.replace(" ", "_")])
def test_shape_b_says_the_rest_in_its_name(tmp_path: Path, name: str) -> None:
    found = read(tmp_path, [NEW_COLUMNS, [*NEW_ROW, "0.00", "990.00"]], name)
    heading = found.recognized.heading
    assert (found.recognized.layout.shape, heading.shortcode, heading.account) == (
        Shape.NEW_PORTAL,
        "600123",
        None,
    )
    assert (heading.period_from, heading.period_to) == (BEGIN, datetime(2026, 11, 2, 20, 59, 59, tzinfo=UTC))
    assert found.lines[0].amount_cents == 99_000


def test_shape_b_renamed_does_not_know_its_shortcode(tmp_path: Path) -> None:
    row = [NEW_ROW[0], "13/11/2026 11:12:13", *NEW_ROW[2:]]
    heading = read(tmp_path, [NEW_COLUMNS, [*row, "0.00", "990.00"]]).recognized.heading
    assert (heading.shortcode, heading.period_from) == (None, None)
    odd = NEW_NAME.replace("2026-11-01", "2026-13-01")
    assert read(tmp_path, [NEW_COLUMNS, [*row, "", ""]], odd).recognized.heading.period_from is None


def test_a_customers_own_statement_is_refused(tmp_path: Path) -> None:
    columns = [
        "Receipt No.",
        "Completion Time",
        "Details",
        "Transaction Status",
        "Paid In",
        "Withdrawn",
        "Balance",
    ]
    with pytest.raises(InvalidRequest, match="customer's own statement"):
        read(tmp_path, [columns, [*NEW_ROW, "", "990.00"]])
    # The same columns under the name of the portal are the organization's.
    assert len(read(tmp_path, [columns, [*NEW_ROW, "", "990.00"]], NEW_NAME).lines) == 1


@pytest.mark.parametrize("extra", [[], [""]])
def test_shape_c_has_stores_and_one_separator_more(tmp_path: Path, extra: list[str]) -> None:
    row = [
        "CBD",
        "UK1EXAMPL7",
        "Merchant Account",
        "Customer Merchant Payment",
        "2026-11-01 10:00:00.0",
        "25470****111 - jane doe",
        "700.00",
        "",
        "700.00",
        "",
    ]
    shifted = ["CBD", "NAIROBI", *row[1:]]
    found = read(
        tmp_path,
        [STORE_COLUMNS, [*row, *extra], shifted, [*row[:1], "?", *row[2:], ""]],
        "Mpesa_600123_1.csv",
    )
    assert found.recognized.layout.shape is Shape.STORES
    first, second = found.lines
    assert (first.account, first.amount_cents, first.type) == (
        "CBD / Merchant Account",
        70_000,
        "Customer Merchant Payment",
    )
    assert second.receipt == "UK1EXAMPL7"
    assert len(found.unread) == 1


def test_shape_c_has_its_shortcode_in_its_name_and_no_period(tmp_path: Path) -> None:
    row = [
        "CBD",
        "UK1EXAMPL7",
        "M",
        "Customer Merchant Payment",
        "2026-11-01 10:00:00",
        "",
        "7.00",
        "",
        "",
        "",
    ]
    heading = read(tmp_path, [STORE_COLUMNS, row], "Mpesa_600123_20261103080000.csv").recognized.heading
    assert (heading.shortcode, heading.period_from) == ("600123", None)


def test_shape_d_has_withdrawn_before_paid_in(tmp_path: Path) -> None:
    row = [
        "UK1EXAMPL8",
        "2026-11-01 10:00:00",
        "Payment received from 2547",
        "Completed",
        "",
        "700.00",
        "700.00",
        "true",
    ]
    found = read(tmp_path, [*preamble(), OLD_COLUMNS, [*row, "Pay Utility", "2547****5678 - J", "INV1"]])
    assert found.recognized.layout.shape is Shape.OLD_PORTAL
    assert found.lines[0].amount_cents == 70_000


def test_shape_f_has_no_column_names(tmp_path: Path) -> None:
    rows = [
        [
            "UK1EXAMPL6",
            "2026-11-01 10:00:00",
            "Pay Bill from 254700000111 - JANE DOE Acc. INV9",
            "Completed",
            "0",
            "700.00",
            "700.00",
        ],
        ["Receipt", "Date", "DETAILS", "STATUS", "WITHDRAWN", "", ""],
        [
            "UK1EXAMPL9",
            "2026-11-01 11:00:00",
            "Pay Bill from 254700000111 - DOE",
            " JANE Acc. INV9",
            "Completed",
            "0",
            "5.00",
            "705.00",
        ],
        [
            "UK1EXAMPLA",
            "2026-11-01 12:00:00",
            "Pay Bill from 254700000111 - J Acc. X",
            "Completed",
            "0",
            "1",
            "100.00",
            "1",
            "805.00",
        ],
        ["UK1EXAMPLB", "2026-11-01 12:00:00", "no status", "and", "many", "cells", "more", "than", "seven"],
    ]
    found = read(tmp_path, rows, DAILY_NAME)
    assert found.recognized.layout.shape is Shape.DAILY
    assert [line.amount_cents for line in found.lines] == [70_000, 500]
    assert found.lines[1].details == "Pay Bill from 254700000111 - DOE, JANE Acc. INV9"
    assert [row.reason for row in found.unread] == [
        "an amount may be cut at its comma",
        "its status is not known",
    ]
    heading = found.recognized.heading
    assert (heading.shortcode, heading.period_from) == ("600123", BEGIN)
    assert heading.period_to == datetime(2026, 11, 1, 20, 59, 59, tzinfo=UTC)


def test_shape_f_with_names_in_its_first_row(tmp_path: Path) -> None:
    rows = [["RECEIPT", "DATE", "DETAILS", "STATUS", "WITHDRAWN", "PAID IN", "BALANCE"]]
    rows.append(
        ["UK1EXAMPL6", "2026-11-01 10:00:00", "Pay Bill from 2547 - J", "Completed", "0", "700.00", "700.00"]
    )
    found = read(tmp_path, rows, DAILY_NAME)
    assert (found.recognized.layout.shape, len(found.lines)) == (Shape.DAILY, 1)


def test_columns_further_down_than_thirty_rows_are_not_found(tmp_path: Path) -> None:
    rows = [*([["", "note"]] * 30), PORTAL_COLUMNS, portal_row(paid_in="5.00")]
    with pytest.raises(InvalidRequest, match="Receipt No"):
        read(tmp_path, rows)
    not_daily = ["ABCDEFGH", "no time", "x", "Completed", "0", "5.00"]
    with pytest.raises(InvalidRequest, match="Receipt No"):
        read(tmp_path, [not_daily])


def test_the_header_may_stand_in_the_first_row(tmp_path: Path) -> None:
    rows = [[*PORTAL_COLUMNS, "", ""], [*portal_row(paid_in="5.00", typed="INV1"), "", ""]]
    found = read(tmp_path, rows)
    assert (found.recognized.heading.shortcode, len(found.lines)) == (None, 1)
    assert portal([])[-1] == PORTAL_COLUMNS
