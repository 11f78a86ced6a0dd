"""Rows: what becomes a line, of which kind, and what is counted as not understood."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.domain.statements import LineKind, kind_of
from mpesa_service.statements import rows as rows_module
from tests.statements.files import as_csv, as_xls, as_xlsx, charge_row, portal, portal_row
from tests.statements.reading import read_file


def test_a_payment_and_its_charge_share_a_receipt(tmp_path: Path) -> None:
    rows = [
        charge_row("UK1EXAMPL1", "01-11-2026 10:00:00", "-5.00", "95.00"),
        portal_row("UK1EXAMPL1", paid_in="100.00", balance="100.00", typed="INV1", linked="uk0linked1"),
    ]
    charge, payment = read_file(as_csv(tmp_path / "s", portal(rows))).lines
    assert (charge.kind, charge.amount_cents) == (LineKind.CHARGE, -500)
    assert (payment.kind, payment.amount_cents, payment.typed) == (LineKind.PAYMENT, 10_000, "INV1")
    assert (payment.linked, payment.account, payment.type) == ("UK0LINKED1", "Utility Account", "Pay Utility")


@pytest.mark.parametrize("withdrawn", ["-30.00", "30.00", "(30.00)", -30, 30.0])
def test_the_column_decides_the_direction(tmp_path: Path, withdrawn: Any) -> None:
    rows = portal([portal_row(withdrawn=withdrawn, type="Business Payment to Customer", details="x")])
    [line] = read_file(as_xlsx(tmp_path / "s", rows)).lines
    assert (line.amount_cents, line.kind) == (-3_000, LineKind.PAYOUT)


def test_cells_of_workbooks_are_numbers_and_dates(tmp_path: Path) -> None:
    at = datetime(2026, 11, 1, 10, 0)  # noqa: DTZ001 - a cell has no zone
    row = portal_row(at=at, paid_in=1000.5, balance=1000.5, typed=850060)
    for write in (as_xls, as_xlsx):
        [line] = read_file(write(tmp_path / "s", portal([row]))).lines
        assert (line.amount_cents, line.typed, line.completed_at.hour) == (100_050, "850060", 7)
    text = portal_row(at=at, paid_in=5, typed="0850060")
    assert read_file(as_xls(tmp_path / "s", portal([text]))).lines[0].typed == "0850060"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"receipt": ""}, "it has no receipt"),
        ({"receipt": "Totals!"}, "its receipt is not readable"),
        ({"at": ""}, "it has no time"),
        ({"at": "15:50"}, "its time is not readable"),
        ({"paid_in": ""}, "it has no amount"),
        ({"paid_in": "0.00"}, "it has no amount"),
        ({"paid_in": "-5.00"}, "its amount paid in is negative"),
        ({"paid_in": "free"}, "an amount is not readable"),
        ({"withdrawn": "5.00"}, "it has both an amount paid in and an amount withdrawn"),
        ({"status": "Perhaps"}, "its status is not known"),
        ({"status": ""}, "it has no status"),
    ],
)
def test_a_row_that_is_not_understood_is_counted_with_its_line(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    rows = portal([portal_row(paid_in="5.00"), portal_row(**{"paid_in": "5.00", **changes})])
    found = read_file(as_csv(tmp_path / "s", rows))
    assert len(found.lines) == 1
    assert [(row.row, row.reason) for row in found.unread] == [(len(rows), reason)]
    assert found.totals.unread_count == 1


def test_blank_rows_and_repeated_names_are_no_rows(tmp_path: Path) -> None:
    rows = [*portal([portal_row("uk1exampl1", paid_in="5.00")]), [], ["", ""], portal([])[-1]]
    found = read_file(as_csv(tmp_path / "s", rows))
    assert ([line.receipt for line in found.lines], found.unread) == (["UK1EXAMPL1"], [])


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "Declined", "COMPLETED"])
def test_what_did_not_complete_moves_no_money(tmp_path: Path, status: str) -> None:
    rows = [portal_row(paid_in="100.00", status=status, balance="0.00"), portal_row(status="Failed")]
    lines = read_file(as_csv(tmp_path / "s", portal(rows))).lines
    kinds = [line.kind for line in lines]
    assert kinds == [
        LineKind.PAYMENT if status == "COMPLETED" else LineKind.NOT_COMPLETED,
        LineKind.NOT_COMPLETED,
    ]
    assert lines[1].amount_cents == 0


@pytest.mark.parametrize(
    ("type_", "details", "paid_in", "kind"),
    [
        ("Pay Utility", "Pay Bill from 2547****5678 - john doe Acc. INV7", True, LineKind.PAYMENT),
        ("Pay Bill Online", "Pay Bill Online from 2547", True, LineKind.PAYMENT),
        ("Pay Utility with OD via STK", "Pay Bill Online from 2547", True, LineKind.PAYMENT),
        ("Customer Buy Goods Online", "Pay Merchant from 2547****287 - j", True, LineKind.PAYMENT),
        ("", "Merchant Payment Online from 2547", True, LineKind.PAYMENT),
        ("", "Business Pay Bill via API by 700123 - Shop Acc. 7", True, LineKind.PAYMENT),
        ("", "FSI to Pay Bill from 100 - Bank", True, LineKind.PAYMENT),
        ("", "Merchant Pay Utility Received from 7", True, LineKind.PAYMENT),
        ("", "Funds received from 2547", True, LineKind.PAYMENT),
        ("Pay Utility", "Pay Bill Charge", False, LineKind.CHARGE),
        ("Business Payment Charge", "Business Payment Charge", False, LineKind.CHARGE),
        ("", "FSI to Merchant Charge by Receiver", False, LineKind.CHARGE),
        ("Business Payment to Customer", "x", False, LineKind.PAYOUT),
        ("Salary Payment", "Salary Payment to 2547", False, LineKind.PAYOUT),
        ("", "Merchant Customer Payment to 2547****5678 - j", False, LineKind.PAYOUT),
        ("", "Business Pay Bill to 888 - Power", False, LineKind.PAYOUT),
        ("", r"Pay Utility Reversal by Example\api", False, LineKind.REVERSAL),
        ("", "Send Money Expire Reversal", True, LineKind.REVERSAL),
        ("Organization Settlement", "Organization Settle to Bank", False, LineKind.WITHDRAWAL),
        ("Withdraw Funds to Bank", "Withdrawal to bank", False, LineKind.WITHDRAWAL),
        ("", "Agency Withdrawal of funds to Bank", False, LineKind.WITHDRAWAL),
        ("", "Utility Account to Organization Settlement Account", False, LineKind.SWEEP),
        ("", "Utility Account to Organization Settlement Account", True, LineKind.SWEEP),
        ("", "Organization Settlement Account to Organization MMF Account", True, LineKind.SWEEP),
        ("", "Organization Funds Transfer", True, LineKind.SWEEP),
        ("Settlement", "x", True, LineKind.SWEEP),
        ("", "Something new", True, LineKind.UNKNOWN),
        ("", "Something new", False, LineKind.UNKNOWN),
    ],
)
def test_kinds_by_vocabulary(type_: str, details: str, paid_in: bool, kind: LineKind) -> None:
    assert kind_of(type_, details, paid_in=paid_in) is kind


@pytest.mark.parametrize(
    ("details", "stored"),
    [
        ("Pay Bill Online from 2547****5678 - john Acc. 7", "Pay Bill Online"),
        ("Merchant Customer Payment to 2547****5678 - j", "Merchant Customer Payment"),
        (r"Pay Utility Reversal by Example Shop\api", r"Pay Utility Reversal by Example Shop\api"),
        (
            "Utility Account to Organization Settlement Account",
            "Utility Account to Organization Settlement Account",
        ),
        ("JANE DOE 0712345678", ""),
    ],
)
def test_the_stored_type_names_no_person(tmp_path: Path, details: str, stored: str) -> None:
    rows = portal([portal_row(withdrawn="5.00", type="", details=details)])
    assert read_file(as_csv(tmp_path / "s", rows)).lines[0].type == stored


def test_kinds_are_remembered_within_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_module, "KINDS_KEPT", 1)
    rows = [portal_row(paid_in="5.00", details=f"Pay Bill {number}") for number in range(3)]
    lines = read_file(as_csv(tmp_path / "s", portal(rows))).lines
    assert {line.kind for line in lines} == {LineKind.PAYMENT}
