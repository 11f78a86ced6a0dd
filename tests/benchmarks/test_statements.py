"""The statement that the benchmark imports is one of the portal, and both sides read all of it."""

from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.paths.statements import NAIROBI, statement
from benchmarks.statement_import import csv_floor, xlsx_floor
from tests.statements.files import as_csv, as_xlsx
from tests.statements.reading import read_file

BEGIN = datetime.now(NAIROBI) - timedelta(days=90)


def test_the_statement_balances(tmp_path: Path) -> None:
    rows = list(statement(40, "174379", 1_000, BEGIN))
    found = read_file(as_csv(tmp_path / "s.csv", rows))
    assert (found.recognized.heading.shortcode, len(found.lines), found.unread) == ("174379", 40, [])
    assert (found.check.balanced, found.check.findings) == (True, ())
    assert {line.kind for line in found.lines} == {"payment", "charge"}


def test_the_floors_read_every_row(tmp_path: Path) -> None:
    rows = list(statement(40, "174379", 1_000, BEGIN))
    assert csv_floor(as_csv(tmp_path / "s.csv", rows)) == 40
    assert xlsx_floor(as_xlsx(tmp_path / "s.xlsx", rows)) == 40
