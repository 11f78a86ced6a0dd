"""The forms of dates and amounts: decided for the whole file, and refused if they stay ambiguous."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mpesa_service.errors import InvalidRequest
from tests.statements.files import NEW_COLUMNS, OLD_COLUMNS, as_csv
from tests.statements.reading import Reading, read_file
from tests.statements.support import imported
from tests.support import Service

BEGIN = datetime(2026, 11, 4, 21, tzinfo=UTC)
END = datetime(2026, 11, 5, 20, 59, 59, tzinfo=UTC)


def dated(tmp_path: Path, *times: str, name: str = "s.csv") -> Reading:
    return read_file(old(tmp_path, *times), name)


def old(tmp_path: Path, *times: str) -> Path:
    rows = [
        [f"UK{n}EXAMPLE", at, "Pay Bill", "Completed", "", "5.00", "", "", "", "", ""]
        for n, at in enumerate(times)
    ]
    return as_csv(tmp_path / "s.csv", [OLD_COLUMNS, *rows])


def amounts(tmp_path: Path, *cells: tuple[str, str]) -> Reading:
    rows = [
        [f"UK{n}EXAMPLE", "24/11/2026 10:00:00", "Pay Bill from 2547 - J", "Completed", paid, "0", balance]
        for n, (paid, balance) in enumerate(cells)
    ]
    name = "Statements for 174379 from 2026-11-24 to 2026-11-24.csv"
    return read_file(as_csv(tmp_path / "s.csv", [NEW_COLUMNS, *rows], delimiter=";"), name)


@pytest.mark.parametrize(
    ("times", "months"),
    [
        (("12/1/2026 16:38", "11/30/2026 16:38"), [12, 11]),  # a row that is certain
        (("12/1/2026 16:38", "30/1/2026 16:38"), [1, 1]),
    ],
)
def test_a_certain_row_decides_for_all(tmp_path: Path, times: tuple[str, ...], months: list[int]) -> None:
    assert [line.completed_at.month for line in dated(tmp_path, *times).lines] == months


def test_the_future_and_the_order_of_rows_decide(tmp_path: Path) -> None:
    assert dated(tmp_path, "11/12/2026 10:00").lines[0].completed_at.month == 11
    found = dated(tmp_path, "10/3/2026 10:00", "10/4/2026 10:00", "11/1/2026 10:00")
    assert [line.completed_at.month for line in found.lines] == [10, 10, 11]


def test_ambiguous_dates_are_refused_until_the_days_are_stated(service: Service, tmp_path: Path) -> None:
    path = old(tmp_path, "11/5/2026 10:00", "11/5/2026 10:05")
    with pytest.raises(InvalidRequest, match="day or the month first, such as in line 2"):
        imported(service, path, shortcode="174379")
    day = {"period_from": BEGIN, "period_to": END}
    record = imported(service, path, shortcode="174379", **day)
    assert record.first_at is not None
    assert (record.first_at.month, record.first_at.day) == (11, 5)
    assert imported(service, path, shortcode="174379").id == record.id


def test_dates_in_two_orders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="line 3"):
        dated(tmp_path, "13/11/2026 10:00", "11/13/2026 10:00")


def test_mpesas_own_spelling_and_iso_are_read(tmp_path: Path) -> None:
    assert dated(tmp_path, "05-11-2026 10:00:00").lines[0].completed_at.month == 11
    assert dated(tmp_path, "2026-11-05 10:00:00").lines[0].completed_at.month == 11


def test_a_certain_amount_decides_for_all(tmp_path: Path) -> None:
    found = amounts(tmp_path, ("100,5", "1.100,5"), ("1.500", "2.600,5"))
    assert [line.amount_cents for line in found.lines] == [10_050, 150_000]
    assert found.check.balanced is True
    found = amounts(tmp_path, ("1,500", "1,600.00"))
    assert found.lines[0].amount_cents == 150_000


@pytest.mark.parametrize("cells", [[("1.500", "3.500"), ("2.000", "5.500")], [("1,500", "3,500")]])
def test_ambiguous_amounts_are_refused(tmp_path: Path, cells: list[tuple[str, str]]) -> None:
    with pytest.raises(InvalidRequest, match="may be thousands or have three decimals"):
        amounts(tmp_path, *cells)


def test_amounts_in_two_forms_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="decimal comma"):
        amounts(tmp_path, ("100,5", "1100.50"))
