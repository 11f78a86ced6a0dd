"""A wrong shortcode, account or period of a file is corrected by importing it again, until it is applied."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mpesa_service.errors import Conflict
from mpesa_service.statements.records import StatementRecord, list_statements
from tests.c2b.support import expect_order, order_row
from tests.statements.files import NEW_COLUMNS, as_csv
from tests.statements.support import imported, line_count, lines
from tests.statements.test_applying import applied
from tests.support import Service

ROW = [
    "UK1EXAMPL4",
    "13/11/2026 11:12:13",
    "Pay Bill from 2547****5678 - J Acc. ORDER1",
    "Completed",
    "100.00",
]
NIGHT = datetime(2026, 10, 31, 21, tzinfo=UTC)
MORNING = datetime(2026, 11, 1, 9, tzinfo=UTC)


def of(
    service: Service, tmp_path: Path, name: str = "s.csv", rows: int = 1, **given: object
) -> StatementRecord:
    body = [NEW_COLUMNS, *[[*ROW, "0.00", "100.00"]] * rows]
    return imported(service, as_csv(tmp_path / "file", body), name, **given)


def test_another_shortcode_replaces_what_is_not_applied(service: Service, tmp_path: Path) -> None:
    expect_order(service)
    wrong = of(service, tmp_path, shortcode="174378")
    right = of(service, tmp_path, shortcode="174379")
    assert [one.id for one in list_statements(service.runtime, 5)] == [right.id]
    assert (wrong.id != right.id, right.shortcode, right.new_count, line_count(service)) == (
        True,
        "174379",
        1,
        1,
    )
    applied(service, right)
    assert order_row(service).status == "paid"


def test_an_account_or_a_period_is_corrected_too(service: Service, tmp_path: Path) -> None:
    of(service, tmp_path, shortcode="174379")
    assert of(service, tmp_path, shortcode="174379", account="Utility Account").account == "Utility Account"
    assert [line.account for line in lines(service)] == ["Utility Account"]
    again = of(service, tmp_path, period_from=NIGHT, period_to=MORNING)
    assert (again.shortcode, again.period_from, line_count(service)) == ("174379", NIGHT, 1)


def test_the_same_file_without_a_heading_is_the_same_statement(service: Service, tmp_path: Path) -> None:
    first = of(service, tmp_path, shortcode="174379", account="Utility Account")
    assert of(service, tmp_path, "renamed.csv").id == first.id


def test_what_was_applied_stays(service: Service, tmp_path: Path) -> None:
    record = applied(service, of(service, tmp_path, shortcode="174378"))
    with pytest.raises(Conflict) as caught:
        of(service, tmp_path, shortcode="174379")
    assert (caught.value.code, "of shortcode 174378" in str(caught.value)) == ("statement_differs", True)
    assert [one.id for one in list_statements(service.runtime, 5)] == [record.id]


def test_lines_that_a_later_file_shares_stay(service: Service, tmp_path: Path) -> None:
    of(service, tmp_path, shortcode="174378")
    of(service, tmp_path, rows=2, shortcode="174378")
    with pytest.raises(Conflict):
        of(service, tmp_path, shortcode="174379")
    assert line_count(service) == 1


def test_a_file_without_lines_is_corrected(service: Service, tmp_path: Path) -> None:
    period = {"period_from": NIGHT, "period_to": MORNING}
    of(service, tmp_path, rows=0, shortcode="174378", **period)
    assert of(service, tmp_path, rows=0, shortcode="174379", **period).shortcode == "174379"
