"""Findings are cut by kind, and the rows that were not understood stay among them."""

from pathlib import Path

from mpesa_service.operations import doctor
from mpesa_service.statements.balances import NOT_UNDERSTOOD
from mpesa_service.statements.findings import Kind, cut
from tests.statements.files import STORE_COLUMNS, as_csv
from tests.statements.support import imported
from tests.statements.test_applying import applied
from tests.support import Service

FEW, MANY = (
    Kind(["a1", "a2"], ("more a", "more as")),
    Kind([f"b{n}" for n in range(9)], ("more b", "more bs")),
)


def test_each_kind_has_a_share_and_what_is_left_out_is_counted() -> None:
    assert cut([FEW, MANY], 20) == ["a1", "a2", *MANY.found]
    assert cut([FEW, MANY], 6) == ["a1", "a2", "b0", "b1", "b2", "b3", "5 more bs."]
    assert cut([MANY, FEW], 3) == ["b0", "b1", "7 more bs.", "a1", "1 more a."]
    assert cut([], 3) == []


def test_rows_that_are_not_understood_are_found_in_a_file_with_many_findings(
    service: Service, tmp_path: Path
) -> None:
    def row(store: int, receipt: str, amount: str, balance: str) -> list[str]:
        cells = [f"Shop {store}", receipt, "M", "Customer Merchant Payment", "2026-11-22 10:00:00", "x"]
        return [*cells, amount, "", balance, ""]

    rows = [row(store, f"UK{store:02}EXAM{n}", "5.00", f"{n * 77}.00") for store in range(60) for n in (1, 2)]
    rows.append(row(1, "UK1EXAMPL1", "five", ""))
    path = as_csv(tmp_path / "s.csv", [STORE_COLUMNS, *rows])
    record = imported(service, path, "Mpesa_174379_20261123080000.csv")
    assert record.findings[0] == NOT_UNDERSTOOD
    assert len(record.findings) == 52
    assert record.findings[-1] == "10 more accounts have a broken running balance."
    applied(service, record, "the portal exports no more than this")
    [found] = [one for one in doctor.waiting(service.runtime) if one.check == "discrepancies"]
    assert "1" in found.found
