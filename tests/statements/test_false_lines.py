"""Money that one statement shows and another one of the same account and days does not."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mpesa_service.statements.applying import apply_statement, request_apply
from mpesa_service.statements.records import StatementRecord
from tests.cli.test_unmatched import run
from tests.statements.files import NEW_COLUMNS, as_csv, portal_row
from tests.statements.support import BOSS, SHORTCODE, import_rows, imported, own, running
from tests.statements.test_applying import applied
from tests.support import Service

ONE, FALSE, TWO = ((f"UK1EXAMPL{n}", f"0{n}-11-2026 10:00:00", {"paid_in": f"{n}00.00"}) for n in (1, 2, 3))
MONTH_END = datetime(2026, 12, 1, tzinfo=UTC)


def lied(service: Service, tmp_path: Path, **labels: str) -> StatementRecord:
    """Apply a statement that shows money which never came."""
    service.clock.now = MONTH_END
    rows = own(running(ONE, FALSE, TWO), **labels)
    return applied(service, import_rows(service, tmp_path, rows, "false.csv"))


def absent(record: StatementRecord) -> list[tuple[str, str | None]]:
    assert record.report["absent"]["checked"]
    return [(one["receipt"], one["shownBy"]) for one in record.report["absent"]["rows"]]


def test_is_listed_as_missing_there(service: Service, tmp_path: Path) -> None:
    false = lied(service, tmp_path)
    true = import_rows(service, tmp_path, own(running(ONE, TWO)), "true.csv")
    assert absent(true) == [("UK1EXAMPL2", false.id)]
    request_apply(service.runtime, BOSS, true.id, None, "the other file is withdrawn later")
    assert absent(apply_statement(service.runtime, true.id)) == [("UK1EXAMPL2", false.id)]
    assert false.id in run(service, "statements", "show", true.id)


def test_is_listed_for_a_file_without_an_account_too(service: Service, tmp_path: Path) -> None:
    false = lied(service, tmp_path)
    details = "Pay Bill from 2547****5678 - J Acc. 8"
    rows = [
        [ONE[0], "01/11/2026 10:00:00", details, "Completed", "100.00", "0.00", "100.00"],
        [TWO[0], "03/11/2026 10:00:00", details, "Completed", "300.00", "0.00", "400.00"],
    ]
    name = f"Statements for {SHORTCODE} from 2026-11-01 to 2026-11-03.csv"
    true = imported(service, as_csv(tmp_path / "b", [NEW_COLUMNS, *rows]), name)
    assert absent(true) == [("UK1EXAMPL2", false.id)]


def test_money_of_an_account_with_another_name_is_not_missing(service: Service, tmp_path: Path) -> None:
    lied(service, tmp_path)
    others: list[list[Any]] = running(("UK1EXAMPL7", ONE[1], {"paid_in": "7.00"}))
    merchant = own(others, **{"Account:": "Merchant Account"})
    assert absent(import_rows(service, tmp_path, merchant, "merchant.csv")) == []
    spelled = own(others, **{"Account:": "UTILITY ACCOUNT"})
    assert len(absent(import_rows(service, tmp_path, spelled, "utility.csv"))) == 3


def test_a_line_that_failed_excuses_nothing(service: Service, tmp_path: Path) -> None:
    false = lied(service, tmp_path)
    failed = portal_row(FALSE[0], FALSE[1], "200.00", "", "100.00", status="Failed")
    true = import_rows(service, tmp_path, own([*running(ONE, TWO), failed]), "true.csv")
    assert absent(true) == [("UK1EXAMPL2", false.id)]


def test_money_of_another_shortcode_is_not_missing(service: Service, tmp_path: Path) -> None:
    applied(
        service,
        import_rows(service, tmp_path, own(running(FALSE), **{"Short Code:": "600999"}), "other.csv"),
    )
    service.clock.now = MONTH_END
    assert absent(import_rows(service, tmp_path, own(running(ONE, TWO)), "own.csv")) == []


def test_a_fractional_amount_that_never_came_is_listed_too(service: Service, tmp_path: Path) -> None:
    service.clock.now = MONTH_END
    odd = (FALSE[0], FALSE[1], {"paid_in": "7.50"})
    false = applied(service, import_rows(service, tmp_path, own(running(ONE, odd)), "false.csv"))
    true = import_rows(service, tmp_path, own(running(ONE, TWO)), "true.csv")
    assert absent(true) == [("UK1EXAMPL2", false.id)]
    assert true.report["absent"]["rows"][0]["what"] == "fractional amount"
    assert true.report["absent"]["cents"] == 750
