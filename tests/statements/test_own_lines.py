"""A report is about the lines of its own file, although a line that several files have is stored once."""

from pathlib import Path
from typing import Any

from mpesa_service.statements.report import compare
from tests.statements.files import portal_row
from tests.statements.support import import_rows, line_count, outcomes, own, running
from tests.statements.test_applying import applied
from tests.support import Service

AT = "01-11-2026 10:00:00"
ONE, TWO, THREE = ((f"UK1EXAMPL{n}", f"0{n}-11-2026 10:00:00", {"paid_in": "5.00"}) for n in (1, 2, 3))


def test_lines_of_another_file_are_not_counted(service: Service, tmp_path: Path) -> None:
    import_rows(service, tmp_path, own([portal_row(f"UK1EXAMPL{n}", AT, "5.00") for n in (1, 2, 3)]))
    rows = [portal_row(f"UK1EXAMPL{n}", AT, "5.00") for n in (1, 4)]
    other = import_rows(service, tmp_path, own(rows), "t.csv")
    assert (other.line_count, other.new_count, line_count(service)) == (2, 1, 4)
    assert outcomes(other) == {"missing": 2}
    assert {one["receipt"] for one in other.report["missing"]} == {"UK1EXAMPL1", "UK1EXAMPL4"}
    assert other.report["outcomes"]["missing"]["paidInCents"] == other.paid_in_cents == 1_000


def test_only_the_lines_of_the_file_are_applied(service: Service, tmp_path: Path) -> None:
    first = import_rows(service, tmp_path, own([portal_row(f"UK1EXAMPL{n}", AT, "5.00") for n in (1, 2)]))
    rows = [portal_row(f"UK1EXAMPL{n}", AT, "5.00") for n in (2, 3)]
    applied(service, import_rows(service, tmp_path, own(rows), "t.csv"))
    assert sorted(str(one.receipt) for one in service.payments()) == ["UK1EXAMPL2", "UK1EXAMPL3"]
    assert outcomes(compare(service.runtime, first)) == {"missing": 1, "agrees": 1}


def test_a_line_that_two_files_share_counts_in_each(service: Service, tmp_path: Path) -> None:
    month = import_rows(service, tmp_path, own(running(ONE, TWO, THREE)))
    day: list[Any] = [portal_row(TWO[0], TWO[1], "5.00", "", "10.00")]
    again = import_rows(service, tmp_path, own([*day, *day], From="02-11-2026 00:00:00"), "day.csv")
    assert (again.line_count, again.new_count) == (2, 0)
    assert outcomes(again) == {"missing": 1, "repeated": 1}
    assert outcomes(compare(service.runtime, month)) == {"missing": 3}
