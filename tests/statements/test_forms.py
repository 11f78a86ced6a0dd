"""The forms of dates and amounts: decided for the whole file, and refused if they stay ambiguous."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mpesa_service.cli.statement_output import print_statement
from mpesa_service.domain.statements import DateOrder, DateOrderReason
from mpesa_service.errors import Conflict, InvalidRequest
from mpesa_service.statements import forms
from mpesa_service.statements.balances import OUTSIDE
from mpesa_service.statements.date_findings import IMPOSSIBLE, TRY_OTHER
from mpesa_service.statements.importing import ImportOptions, read_statement
from tests.statements.files import NEW_COLUMNS, OLD_COLUMNS, as_csv
from tests.statements.reading import Reading, read_file
from tests.statements.support import (
    BOSS,
    PERIOD,
    imported,
    line_count,
    lines,
    own,
    running,
    small_chunks,
)
from tests.statements.test_applying import applied
from tests.support import Service

BEGIN = datetime(2026, 11, 4, 21, tzinfo=UTC)
END = datetime(2026, 11, 5, 20, 59, 59, tzinfo=UTC)


def dated(tmp_path: Path, *times: str, name: str = "s.csv") -> Reading:
    return read_file(old(tmp_path, *times), name)


def old(tmp_path: Path, *times: str) -> Path:
    rows = [old_row(at, f"UK{n}EXAMPLE") for n, at in enumerate(times)]
    return as_csv(tmp_path / "s.csv", [OLD_COLUMNS, *rows])


def old_row(at: str, receipt: str = "UK1EXAMPLE") -> list[str]:
    return [receipt, at, "Pay Bill", "Completed", "", "5.00", "", "", "", "", ""]


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


def test_the_user_states_the_order(service: Service, tmp_path: Path) -> None:
    path = old(tmp_path, "11/5/2026 10:00", "11/5/2026 10:05")
    with pytest.raises(InvalidRequest, match="--dates dmy"):
        imported(service, path, shortcode="174379")
    record = imported(service, path, shortcode="174379", dates=DateOrder.MONTH_FIRST)
    assert record.first_at is not None
    assert (record.first_at.month, record.first_at.day) == (11, 5)
    assert (record.date_order, record.date_order_reason) == ("mdy", "stated")
    # The same file again needs no option, and another order corrects it.
    assert imported(service, path, shortcode="174379").id == record.id
    other = imported(service, path, shortcode="174379", dates=DateOrder.DAY_FIRST)
    assert other.first_at is not None
    assert (other.first_at.month, other.date_order) == (5, "dmy")
    assert line_count(service) == 2


def test_a_corrected_period_decides_again(service: Service, tmp_path: Path) -> None:
    path = old(tmp_path, "11/5/2026 10:00", "11/5/2026 10:05")
    may = {"period_from": BEGIN.replace(month=5, day=10), "period_to": END.replace(month=5, day=11)}
    assert imported(service, path, shortcode="174379", **may).date_order == "dmy"
    record = imported(service, path, shortcode="174379", period_from=BEGIN, period_to=END)
    assert (record.date_order, record.date_order_reason) == ("mdy", "period")
    assert imported(service, path, shortcode="174379").id == record.id


def test_an_applied_statement_keeps_its_order(service: Service, tmp_path: Path) -> None:
    path = old(tmp_path, "11/5/2026 10:00")
    record = imported(service, path, shortcode="174379", dates=DateOrder.MONTH_FIRST)
    applied(service, record)
    with pytest.raises(Conflict, match="dates mdy"):
        imported(service, path, shortcode="174379", dates=DateOrder.DAY_FIRST)
    assert line_count(service) == 1


def test_an_import_that_goes_on_keeps_its_order(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_chunks(monkeypatch, 1)
    path = old(tmp_path, "11/5/2026 10:00", "11/5/2026 10:05")

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    options = ImportOptions(shortcode="174379", dates=DateOrder.MONTH_FIRST)
    with pytest.raises(KeyboardInterrupt):
        read_statement(service.runtime, BOSS, path, "s.csv", options, stop)
    with pytest.raises(Conflict, match="has begun with dates in the order mdy"):
        imported(service, path, shortcode="174379", dates=DateOrder.DAY_FIRST)
    record = imported(service, path, shortcode="174379")
    assert {line.completed_at.month for line in lines(service)} == {11}
    assert (record.date_order, record.date_order_reason) == ("mdy", "stated")


@pytest.mark.parametrize(
    ("at", "order", "message"),
    [
        (
            "13/11/2026 10:00",
            DateOrder.MONTH_FIRST,
            "Line 2 of the file shows that its dates have the day first",
        ),
        ("11/13/2026 10:00", DateOrder.DAY_FIRST, "have the month first, and `dmy` was stated"),
    ],
)
def test_a_row_that_shows_another_order_refuses_the_stated_one(
    service: Service, tmp_path: Path, at: str, order: DateOrder, message: str
) -> None:
    path = old(tmp_path, at)
    with pytest.raises(InvalidRequest, match=message):
        imported(service, path, shortcode="174379", dates=order)
    assert line_count(service) == 0


def test_a_stated_order_that_makes_impossible_times_is_a_finding(service: Service, tmp_path: Path) -> None:
    path = old(tmp_path, "11/12/2026 10:00")
    record = imported(service, path, shortcode="174379", dates=DateOrder.DAY_FIRST)
    assert record.findings[-2:] == [IMPOSSIBLE.format(*["2026-12-11 10:00:00"] * 2), TRY_OTHER.format("mdy")]
    record = imported(service, path, shortcode="174379", dates=DateOrder.MONTH_FIRST)
    assert TRY_OTHER.format("dmy") not in record.findings


def test_an_order_that_leaves_the_period_is_a_finding(service: Service, tmp_path: Path) -> None:
    rows = running(("UK1EXAMPL1", "11-10-2026 10:00:00", {"paid_in": "5.00"}))
    path = as_csv(tmp_path / "s.csv", own(rows))
    record = imported(service, path, dates=DateOrder.DAY_FIRST)
    assert record.findings == [OUTSIDE, TRY_OTHER.format("mdy")]
    # A row that shows the order, or dates of one meaning, leave no other one to try.
    for name, day in ("b.csv", "13-10-2026"), ("c.csv", "2026-10-11"):
        rows = running(("UK1EXAMPL1", f"{day} 10:00:00", {"paid_in": "5.00"}))
        assert imported(service, as_csv(tmp_path / name, own(rows)), name).findings == [OUTSIDE]


@pytest.mark.parametrize(
    ("times", "period", "reason"),
    [
        (["13-11-2026 10:00:00"], {}, DateOrderReason.ROW),
        (["05-11-2026 10:00:00"], PERIOD, DateOrderReason.PERIOD),
        (["11-12-2026 10:00:00"], {}, DateOrderReason.FUTURE),
        (["09-11-2026 10:00:00", "10-11-2026 10:00:00", "11-10-2026 10:00:00"], {}, DateOrderReason.SORTED),
        (["10-11-2026 10:00:00"], {}, DateOrderReason.SPELLING),
        (["2026-11-05 10:00:00"], {}, None),
        (["11-11-2026 10:00:00"], {}, None),
    ],
)
def test_the_report_says_which_order_was_used_and_why(
    service: Service,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    times: list[str],
    period: dict[str, str],
    reason: DateOrderReason | None,
) -> None:
    rows = running(*((f"UK{n}EXAMPLE", at, {"paid_in": "5.00"}) for n, at in enumerate(times)))
    labels = period or {"From": "", "To": ""}
    record = imported(service, as_csv(tmp_path / "s.csv", own(rows, **labels)))
    assert record.date_order_reason == reason
    print_statement(record)
    assert ("dates " in capsys.readouterr().out) is (reason is not None)


def test_a_period_above_the_columns_is_read_in_the_order_of_the_rows(
    service: Service, tmp_path: Path
) -> None:
    rows = running(("UK1EXAMPL1", "11/5/2026 10:00", {"paid_in": "5.00"}))
    labels = {"From": "11/5/2026 00:00:00", "To": "11/6/2026 23:59:59"}
    path = as_csv(tmp_path / "s.csv", own(rows, **labels))
    record = imported(service, path, dates=DateOrder.MONTH_FIRST)
    assert (record.period_from, record.findings) == (BEGIN, [])
    assert imported(service, path).id == record.id


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


def test_the_first_rows_decide_if_they_are_clear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forms, "WINDOW", 2)
    found = dated(tmp_path, "13/11/2026 10:00", "12/11/2026 10:00", "11/13/2026 10:00", "5/11/2026 10:00")
    assert [line.completed_at.month for line in found.lines] == [11, 11, 11]
    assert [row.reason for row in found.unread] == ["its time is not a day of the calendar"]
    # If they are not, a later row does.
    found = dated(tmp_path, "5/11/2026 10:00", "6/11/2026 10:00", "13/11/2026 10:00")
    assert [line.completed_at.month for line in found.lines] == [11, 11, 11]


def test_a_row_that_is_no_date_or_too_short_decides_nothing(tmp_path: Path) -> None:
    found = dated(tmp_path, "31/31/2026 10:00", "13/11/2026 10:00", "")
    assert [line.completed_at.day for line in found.lines] == [13]
    path = as_csv(tmp_path / "short.csv", [["", *OLD_COLUMNS], ["x"], ["", *old_row("13/11/2026 10:00")]])
    assert [line.completed_at.day for line in read_file(path).lines] == [13]
