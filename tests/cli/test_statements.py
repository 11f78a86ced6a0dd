"""The operators' commands for statements."""

from pathlib import Path

import pytest

from tests.cli.test_unmatched import run, run_json
from tests.statements.files import NEW_COLUMNS, as_csv, example, portal_row
from tests.statements.support import own
from tests.statements.test_matching import paid
from tests.support import Service


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What the commands do is tested on both databases elsewhere."""
    return sqlite_url


def mixed(tmp_path: Path) -> str:
    """Return a file with a line of each outcome, and 22 rows that are not understood."""
    at = "01-11-2026 10:00:00"
    rows = [
        portal_row("RECEIPT0", at, "100.00"),
        portal_row("RECEIPT1", at, "90.00"),
        portal_row("UK1EXAMPL1", at, "77.00", typed="INV7"),
        portal_row("UK1EXAMPL2", at, "", "-5.00", type="Business Payment to Customer", details="x"),
        portal_row("UK1EXAMPL3", at, "1.00", type="New", details="x"),
        *[portal_row("", at, "1.00") for _ in range(22)],
    ]
    return str(as_csv(tmp_path / "november.csv", own(rows)))


class TestImport:
    def test_shows_what_would_happen(self, service: Service, tmp_path: Path) -> None:
        paid(service, 2)
        text = run(service, "statements", "import", mixed(tmp_path), "--by", "amina")
        for words in (
            "november.csv (shape A, csv)",
            "not proven",
            "Note: There are no balances to check.",
            "Missing here:",
            "Differing:",
            "Not sent by this service:",
            "Of an unknown kind:",
            "Missing there: not checked, because it has no balances.",
            "Not understood:",
            "it has no receipt",
            "… and 2 more.",
            "1 agrees, 1 to be booked, 0 missing there, 1 differs, 23 not understood.",
        ):
            assert words in text, text
        assert len(service.payments()) == 2

    def test_the_order_of_the_dates_is_stated(self, service: Service, tmp_path: Path) -> None:
        rows = [portal_row("UK1EXAMPL1", "11/5/2026 10:00", "1.00")]
        path = str(as_csv(tmp_path / "s.csv", own(rows, From="", To="")))
        text = run(service, "statements", "import", path, "--by", "amina", "--dates", "mdy")
        assert "month first: as stated" in text

    def test_as_json(self, service: Service, tmp_path: Path) -> None:
        paid(service, 2)
        data = run_json(service, "statements", "import", mixed(tmp_path), "--by", "amina")
        assert (data["createdBy"], data["status"], data["lineCount"]) == ("operator:amina", "read", 5)
        assert data["report"]["outcomes"]["missing"]["lines"] == 1

    def test_what_is_missing_there(self, service: Service, tmp_path: Path) -> None:
        paid(service, 2)
        path = as_csv(tmp_path / "s.csv", own([portal_row("RECEIPT0", paid_in="100.00", balance="100.00")]))
        text = run(service, "statements", "import", str(path), "--by", "amina")
        assert "Missing there (in our record, not on the statement):" in text
        assert "RECEIPT1" in text

    def test_says_what_it_needs(self, service: Service, tmp_path: Path) -> None:
        path = as_csv(tmp_path / "renamed.csv", [NEW_COLUMNS])
        words = ("statements", "import", str(path), "--by", "amina")
        assert "Name it (`--shortcode`" in run(service, *words, code=1)
        more = ("--shortcode", "174379", "--from", "2026-11-01", "--to", "2026-11-30")
        assert "2026-11-30 23:59:59" in run(service, *words, *more)
        path.write_bytes(b"%PDF-1.4")
        assert "This is a PDF." in run(service, *words, code=1)

    def test_a_broken_balance_is_shown(self, service: Service, tmp_path: Path) -> None:
        rows = [["Total Paid In:", "7.00"] if row[:1] == ["Total Paid In:"] else row for row in example()]
        text = run(service, "statements", "import", str(as_csv(tmp_path / "s.csv", rows)), "--by", "amina")
        assert "BROKEN" in text
        assert "Note: Total Paid In is 7.00 above the columns" in text


def test_list_and_show(service: Service, tmp_path: Path) -> None:
    made = run_json(service, "statements", "import", mixed(tmp_path), "--by", "amina")
    assert "november.csv" in run(service, "statements", "list")
    [listed] = run_json(service, "statements", "list")
    assert (listed["_id"], "report" in listed) == (made["_id"], False)
    paid(service, 2)
    assert "1 agrees, 1 to be booked" in run(service, "statements", "show", made["_id"])
    assert run_json(service, "statements", "show", made["_id"])["report"]["outcomes"]["agrees"]["lines"] == 1
    assert "no such statement" in run(service, "statements", "show", "nothing", code=1)
