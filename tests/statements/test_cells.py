"""Cells: times in every spelling, exact cents, texts."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from mpesa_service.statements.cells import (
    Times,
    UnreadableCell,
    number_form,
    read_cents,
    read_comma_cents,
    read_text,
    time_of,
)

AT = datetime(2026, 11, 2, 6, 10, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    "cell",
    [
        "02-11-2026 09:10:11",
        " 02/11/2026 09:10:11 ",
        "2026-11-02 09:10:11",
        "2026-11-02T09:10:11.0",
        "2/11/2026 9:10:11 AM",
        "02.11.2026 09:10:11",
        datetime(2026, 11, 2, 9, 10, 11),  # noqa: DTZ001
        datetime(2026, 11, 2, 9, 10, 10, 999_990),  # noqa: DTZ001
        AT,
        46328.382071759,
        "46328.382071759",
    ],
)
def test_a_time_is_nairobi_time_in_every_spelling(cell: Any) -> None:
    assert Times().read(cell) == AT


def test_a_day_without_a_time_is_its_beginning() -> None:
    begin = datetime(2026, 11, 1, 21, tzinfo=UTC)
    for cell in ("02-11-2026", "02/11/2026 12:00 AM", date(2026, 11, 2), 46328):
        assert Times().read(cell) == begin
    assert Times().read("02-11-2026 12:30 PM") == begin + timedelta(hours=12, minutes=30)


def test_rows_of_one_day_and_one_second_are_read_alike() -> None:
    times = Times()
    texts = ["02-11-2026 09:10:11", "02-11-2026 09:10:11", "02-11-2026 23:59:59", "2026-11-02 09:10:11"]
    later = AT + timedelta(hours=14, minutes=49, seconds=48)
    assert [times.read(text) for text in texts] == [AT, AT, later, AT]
    assert times.read("1/11/2026 9:10:11 AM") == times.read("01-11-2026 09:10:11") == AT - timedelta(days=1)


@pytest.mark.parametrize("cell", ["", "  ", None])
def test_an_empty_cell_has_no_time(cell: Any) -> None:
    assert Times().read(cell) is None


@pytest.mark.parametrize(
    "cell",
    [
        "15:50",
        "yesterday",
        "31-02-2026 09:00:00",
        "02-11-26 09:00:00",
        "02-11-1926 09:00:00",
        "02-11-2026 13:00 PM",
        "12345",
        True,
        timedelta(hours=3),
        99_999_999,
        datetime(1999, 1, 1),  # noqa: DTZ001
    ],
)
def test_a_time_that_is_unclear_is_refused(cell: Any) -> None:
    with pytest.raises(UnreadableCell):
        Times().read(cell)


@pytest.mark.parametrize("clock", ["24:00:00", "09:60:00", "09:10:61", "09-10-11", "0a:10:11"])
def test_a_bad_clock_after_a_good_day_is_refused(clock: str) -> None:
    times = Times()
    times.read("02-11-2026 09:10:11")
    with pytest.raises(UnreadableCell):
        times.read(f"02-11-2026 {clock}")


@pytest.mark.parametrize(
    ("cell", "cents"),
    [
        ("1,100.00", 110_000),
        ("-5.00", -500),
        ("-0.50", -50),
        ("(4,000.00)", -400_000),
        ("5", 500),
        ("-5", -500),
        ("+5", 500),
        ("1100.5", 110_050),
        ("KES 1 100.00", 110_000),
        ("+7.00", 700),
        ("1.100,00", 110_000),
        ("1,100", 110_000),
        ("0.00", 0),
        ("100.500", 10_050),
        (30, 3_000),
        (30.0, 3_000),
        (0.1, 10),
        (1495.0000000000002, 149_500),
        (-5.5, -550),
    ],
)
def test_money_is_exact_cents(cell: Any, cents: int) -> None:
    assert read_cents(cell) == cents


@pytest.mark.parametrize("cell", ["", " ", "-", None, "\u00a0"])
def test_an_empty_cell_is_no_amount(cell: Any) -> None:
    assert read_cents(cell) is None


@pytest.mark.parametrize(
    "cell",
    [
        "1_000.00",
        "1.005",
        "free",
        "1e5",
        "1" * 16 + ".00",
        "1" * 20,
        True,
        1.005,
        float("nan"),
        float("inf"),
        date(2026, 1, 1),
    ],
)
def test_an_amount_that_is_unclear_is_refused(cell: Any) -> None:
    with pytest.raises(UnreadableCell):
        read_cents(cell)


def test_texts_of_numbers_have_no_decimals() -> None:
    assert [read_text(cell) for cell in (" a ", None, 850060.0, 850060, 1.5)] == [
        "a",
        "",
        "850060",
        "850060",
        "1.5",
    ]


def test_a_file_with_decimal_commas() -> None:
    assert [read_comma_cents(cell) for cell in ("1.234,50", 5.5, "", None)] == [123_450, 550, None, None]
    with pytest.raises(UnreadableCell, match="others have a comma"):
        read_comma_cents("1,234.50")


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("1,234.50", "."),
        ("1.234,50", ","),
        ("1.234.567", ","),
        ("1,234,567", "."),
        ("1.5", "."),
        ("1,5", ","),
        ("0.500", "."),
        ("1,500", "?"),
        ("1500", ""),
        ("free", ""),
    ],
)
def test_what_shows_the_decimal_mark(text: str, mark: str) -> None:
    assert number_form(text) == mark


def test_a_date_of_two_meanings_is_refused_if_nothing_decided() -> None:
    with pytest.raises(UnreadableCell, match="the day or the month first"):
        time_of("05/11/2026", month_first=None)
    assert time_of("05/05/2026", month_first=None).month == 5
