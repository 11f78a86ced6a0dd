"""The checks of a statement against itself."""

from pathlib import Path
from typing import Any

import pytest

from tests.statements.files import (
    NEW_COLUMNS,
    NEW_NAME,
    STORE_COLUMNS,
    as_csv,
    example,
    portal,
    portal_row,
)
from tests.statements.reading import Reading, read_file


def read(tmp_path: Path, rows: list[list[Any]], name: str = "s.csv") -> Reading:
    return read_file(as_csv(tmp_path / "s", rows), name)


def payments(*balances: str, first: int = 1) -> list[list[Any]]:
    """Return payments of 100 shillings, a minute apart."""
    return [
        portal_row(f"UK1EXAMPL{number}", f"01-11-2026 10:0{number}:00", "100.00", "", balance)
        for number, balance in enumerate(balances, first)
    ]


@pytest.mark.parametrize("newest_first", [True, False])
def test_the_rows_show_their_order(tmp_path: Path, newest_first: bool) -> None:
    rows = payments("100.00", "200.00", "300.00")
    found = read(tmp_path, portal(rows[::-1] if newest_first else rows))
    [totals] = found.totals.accounts.values()
    assert (found.check.balanced, totals.opening_cents, totals.closing_cents) == (True, 0, 30_000)


@pytest.mark.parametrize("order", [(2, 0, 1), (1, 0, 2), (1, 2, 0)])
def test_lines_in_any_order_are_one_chain(tmp_path: Path, order: tuple[int, ...]) -> None:
    rows = [portal_row(f"UK1EXAMPL{n}", paid_in="100.00", balance=f"{n}00.00") for n in (1, 2, 3)]
    rows += payments("400.00", "900.00", first=4)
    found = read(tmp_path, portal([*(rows[n] for n in order), rows[3]]))
    [totals] = found.totals.accounts.values()
    assert (found.check.balanced, totals.opening_cents, totals.closing_cents) == (True, 0, 40_000)
    broken = read(tmp_path, portal([*(rows[n] for n in order), rows[4]]))
    assert broken.check.balanced is False


def test_a_missing_line_breaks_the_balance(tmp_path: Path) -> None:
    found = read(tmp_path, portal(payments("100.00", "200.00", "400.00")))
    assert found.check.balanced is False
    assert found.check.findings == (
        "The running balance of Utility Account does not follow at 1 place: line 6.",
    )


def test_many_breaks_are_cut_off(tmp_path: Path) -> None:
    rows = [portal_row(f"UK1EXAM{n:03}", paid_in="100.00", balance=f"{n * 777}.00") for n in range(40)]
    [finding] = read(tmp_path, portal(rows, **{"Account:": ""})).check.findings
    assert finding.startswith("The running balance does not follow at 39 places: line ")
    assert finding.endswith(" ….")


@pytest.mark.parametrize(
    ("label", "value", "words"),
    [
        ("Opening Balance:", "5.00", "Opening Balance is 5.00"),
        ("Closing Balance:", "5.00", "Closing Balance is 5.00"),
        ("Total Paid In:", "5.00", "Total Paid In is 5.00 above the columns, and 1,500.00 by the lines"),
        ("Total Withdrawn:", "-5.00", "Total Withdrawn is 5.00"),
    ],
)
def test_the_sums_above_the_columns_count(tmp_path: Path, label: str, value: str, words: str) -> None:
    rows = [[label, value] if row[:1] == [label] else row for row in example()]
    check = read(tmp_path, rows).check
    assert check.balanced is False
    assert words in " ".join(check.findings)


def test_opening_and_sums_must_lead_to_closing_without_balances(tmp_path: Path) -> None:
    rows = portal(
        [portal_row(paid_in="100.00")], **{"Opening Balance:": "0.00", "Closing Balance:": "-90.00"}
    )
    assert read(tmp_path, rows).check.findings == (
        "Opening Balance plus paid in minus withdrawn is 100.00, and Closing Balance is -90.00.",
    )


def test_without_balances_nothing_is_proven(tmp_path: Path) -> None:
    assert read(tmp_path, portal([portal_row(paid_in="5.00")])).check.balanced is None
    assert read(tmp_path, portal([])).check.balanced is None


def test_lines_outside_of_the_period_are_found(tmp_path: Path) -> None:
    check = read(tmp_path, portal(payments("100.00"), To="01-11-2026 09:00:00")).check
    assert (check.balanced, check.findings) == (
        False,
        ("Some lines are outside the period that the file states.",),
    )
    assert read(tmp_path, portal(payments("100.00"), From="01-11-2026 11:00:00")).check.balanced is False


def test_lines_that_failed_move_no_balance(tmp_path: Path) -> None:
    rows = payments("100.00", "200.00")
    rows.insert(1, portal_row("UK1EXAMPLX", paid_in="50.00", balance="100.00", status="Failed"))
    found = read(tmp_path, portal(rows))
    [account] = found.totals.accounts.values()
    counted = (account.kinds["not_completed"], found.totals.line_count)
    assert (found.check.balanced, *counted) == (True, 1, 3)


SWEEP = "Utility Account to Organization Settlement Account"


def new_row(receipt: str, details: str, paid_in: str, withdrawn: str, balance: str) -> list[str]:
    return [receipt, "02/11/2026 18:00:00", details, "Completed", paid_in, withdrawn, balance]


PAYMENT = new_row("UK1EXAMPL4", "Pay Bill from 2547****5678 - J Acc. 8", "990.00", "0.00", "990.00")
OUT = new_row("UK2EXAMPL5", SWEEP, "0.00", "900.00", "90.00")
INTO = new_row("UK2EXAMPL5", SWEEP, "900.00", "0.00", "900.00")
TO_BANK = new_row("UK2EXAMPL6", "Agency Withdrawal of funds to Bank", "0.00", "800.00", "100.00")


@pytest.mark.parametrize(
    "rows",
    [
        [OUT, INTO, PAYMENT],
        [INTO, OUT, PAYMENT],
        [PAYMENT, OUT, INTO],
        [PAYMENT, INTO, OUT],
        [TO_BANK, INTO, OUT, PAYMENT],
        [PAYMENT, INTO, OUT, TO_BANK],
    ],
)
def test_the_other_side_of_a_sweep_belongs_to_another_account(tmp_path: Path, rows: list[list[str]]) -> None:
    found = read(tmp_path, [NEW_COLUMNS, *rows], NEW_NAME)
    assert (found.check.balanced, found.check.findings) == (True, ())
    assert (found.totals.paid_in_cents, found.totals.withdrawn_cents) == (99_000, 90_000)


def test_a_sweep_of_a_named_account_must_follow(tmp_path: Path) -> None:
    rows = payments("100.00")
    rows.append(
        portal_row("UK1EXAMPL8", "01-11-2026 11:00:00", "", "-10.00", "50.00", type="", details=SWEEP)
    )
    assert read(tmp_path, portal(rows)).check.balanced is False
    assert read(tmp_path, [NEW_COLUMNS, TO_BANK, INTO, [*INTO[:6], "7.00"]], NEW_NAME).check.balanced is None


def test_a_file_of_sweeps_only_is_checked_too(tmp_path: Path) -> None:
    found = read(tmp_path, [NEW_COLUMNS, OUT, INTO], NEW_NAME)
    assert (found.check.balanced, found.totals.withdrawn_cents) == (None, 90_000)
    without = [[*row[:6], ""] for row in (OUT, PAYMENT)]
    assert read(tmp_path, [NEW_COLUMNS, *without], NEW_NAME).check.balanced is None


def test_rows_not_understood_are_counted_beyond_the_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mpesa_service.statements.balances.UNREAD_KEPT", 1)
    totals = read(tmp_path, portal([portal_row("", paid_in="5.00")] * 3)).totals
    assert (len(totals.unread), totals.unread_count) == (1, 3)


def test_each_store_has_its_own_balance(tmp_path: Path) -> None:
    def row(store: str, receipt: str, balance: str) -> list[str]:
        time, kind = "2026-11-01 10:00:00", "Customer Merchant Payment"
        return [store, receipt, "Merchant Account", kind, time, "", "100.00", "", balance, "", ""]

    rows = [
        row("A", "UK1EXAMPL1", "100.00"),
        row("B", "UK1EXAMPL2", "900.00"),
        row("A", "UK1EXAMPL3", "200.00"),
    ]
    found = read(tmp_path, [STORE_COLUMNS, *rows], "Mpesa_600123_20261103080000.csv")
    assert (found.check.balanced, sorted(found.totals.accounts)) == (
        True,
        ["A / Merchant Account", "B / Merchant Account"],
    )
