"""Each line of a file is in exactly one row of the report's table."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.statements.records import StatementRecord
from tests.cli.test_unmatched import run
from tests.statements.files import NEW_COLUMNS, as_csv, portal_row
from tests.statements.support import SHORTCODE, import_rows, imported, outcomes, own
from tests.statements.test_simulator import uploaded
from tests.support import Service

NAME = f"Statements for {SHORTCODE} from 2026-11-01 to 2026-11-03.csv"
SWEEP = "Utility Account to Organization Settlement Account"


def summed(data: dict[str, Any]) -> int:
    return sum(one["lines"] for one in data["report"]["kinds"])


def newer(at: str, receipt: str, details: str, *amounts: str, status: str = "Completed") -> list[str]:
    return [receipt, f"{at}/11/2026 10:00:00", details, status, *amounts]


def with_sweeps(service: Service, tmp_path: Path, *more: list[str]) -> StatementRecord:
    """Import a file of shape B: a payment, then both sides of two sweeps, then a withdrawal to the bank."""
    rows = [
        newer("01", "UK1EXAMPL1", "Pay Bill from 2547 - J Acc. 8", "990.00", "0.00", "990.00"),
        newer("02", "UK2EXAMPL1", SWEEP, "0.00", "900.00", "90.00"),
        newer("02", "UK2EXAMPL1", SWEEP, "900.00", "0.00", "900.00"),
        newer("02", "UK2EXAMPL2", SWEEP, "0.00", "50.00", "40.00"),
        newer("02", "UK2EXAMPL2", SWEEP, "50.00", "0.00", "950.00"),
        newer("03", "UK3EXAMPL1", "Agency Withdrawal of funds to Bank", "0.00", "800.00", "150.00"),
        *more,
    ]
    return imported(service, as_csv(tmp_path / "b", [NEW_COLUMNS, *rows]), NAME)


@pytest.mark.parametrize("shape", ["A", "B", "C", "D", "F"])
def test_of_the_simulators_statement_with_failed_ones(service: Service, shape: str) -> None:
    service.clock.now = datetime.now(UTC)  # the simulator writes its own time
    service.paid("PROMPTED", 30)
    more = {} if shape == "C" else {"failed": "true"}  # shape C has no column for the status
    checkout = service.pending("CANCELED", 40)
    service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
    data = uploaded(service, shape, "csv", **more)
    assert (summed(data), data["notCompletedLineCount"]) == (data["lineCount"], len(more))
    assert data["report"]["outcomes"]["not_completed"]["lines"] == data["notCompletedLineCount"]


def test_of_sweeps_and_a_withdrawal_after_the_last_line_of_the_account(
    service: Service, tmp_path: Path
) -> None:
    late = newer("03", "UK3EXAMPL2", "Pay Bill from 2547 - J Acc. 9", "7.00", "0.00", "0", status="Failed")
    record = with_sweeps(service, tmp_path, late)
    assert summed({"report": record.report}) == record.line_count == 7
    assert outcomes(record) == {"missing": 1, "own": 5, "not_completed": 1}
    [failed] = [one for one in record.report["kinds"] if one["outcome"] == "not_completed"]
    assert (failed["lines"], failed["paidInCents"]) == (1, 0)


def test_of_lines_that_another_file_has_too(service: Service, tmp_path: Path) -> None:
    first = with_sweeps(service, tmp_path)
    again = with_sweeps(
        service, tmp_path, newer("03", "UK3EXAMPL3", "Pay Bill from 2547 - J Acc. 9", "7.00", "0.00", "47.00")
    )
    assert (again.line_count, again.new_count) == (7, 1)
    assert summed({"report": again.report}) == 7
    assert outcomes(again) == {"missing": 2, "own": first.report["outcomes"]["own"]["lines"]}


def test_of_lines_that_the_file_has_twice(service: Service, tmp_path: Path) -> None:
    row = portal_row(paid_in="5.00")
    record = import_rows(service, tmp_path, own([row, row, portal_row("UK1EXAMPL2", paid_in="5.00")]))
    assert outcomes(record) == {"missing": 2, "repeated": 1}
    assert summed({"report": record.report}) == record.line_count


def test_only_failed_ones_are_shown_and_prove_nothing(service: Service, tmp_path: Path) -> None:
    path = as_csv(tmp_path / "s.csv", own([portal_row(paid_in="5.00", status="Declined", balance="0.00")]))
    text = run(service, "statements", "import", str(path), "--by", "amina")
    assert "1 (1 new, 1 not completed)" in text
    assert "failed or canceled: no money moved" in text
    assert imported(service, path).balanced is None
