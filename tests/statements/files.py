"""Statement files in every shape and container, written by the tests."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import xlwt

PORTAL_COLUMNS = [
    *("Receipt No.", "Completion Time", "Initiation Time", "Details", "Transaction Status", "Paid In"),
    *("Withdrawn", "Balance", "Balance Confirmed", "Reason Type", "Other Party Info"),
    *("Linked Transaction ID", "A/C No."),
]
NEW_COLUMNS = [
    *("Receipt No", "Completion Time", "Details", "Transaction Status"),
    *("Paid In (KSHs)", "Withdrawn (KSHs)", "Balance (KSHs)"),
]
STORE_COLUMNS = [
    *("STORE_NAME", "RECEIPT_NUMBER", "ACCOUNT_TYPE_NAME", "TRANSACTION_TYPE", "START_TIMESTAMP"),
    *("TRANSACTION_PARTY_DETAILS", "CREDIT_AMOUNT", "DEBIT_AMOUNT", "BALANCE", "LINKED_TRANSACTION_ID"),
]
OLD_COLUMNS = [
    *("Receipt", "Date", "Details", "Status", "Withdrawn", "Paid In", "Balance", "Balance Confirmed"),
    *("Transaction Type", "Other Party Info", "Transaction Party Details"),
]
NEW_NAME = "Statements for 600123 from 2026-11-01 to 2026-11-02.csv"
DAILY_NAME = "Mpesa_600123_20261101235959.csv"
SHORTCODE = "600123"
ACCOUNT = "Utility Account"
PAYER = "25470****111 - jane doe"


def portal_row(
    receipt: str = "UK1EXAMPL1",
    at: Any = "01-11-2026 10:00:00",
    paid_in: Any = "",
    withdrawn: Any = "",
    balance: Any = "",
    **more: Any,
) -> list[Any]:
    """Return a row of shape A; `more` has type, details, party, linked, typed, status."""
    typed = more.get("typed", "")
    details = more.get("details", f"Pay Bill from {PAYER} Acc. {typed}")
    return [
        receipt,
        at,
        at,
        details,
        more.get("status", "Completed"),
        paid_in,
        withdrawn,
        balance,
        "true",
        more.get("type", "Pay Utility"),
        more.get("party", PAYER),
        more.get("linked", ""),
        typed,
    ]


def charge_row(receipt: str, at: Any, withdrawn: Any, balance: Any) -> list[Any]:
    words = {"details": "Pay Bill Charge", "type": "Pay Bill Charge", "party": "SP"}
    return portal_row(receipt, at, "", withdrawn, balance, **words)


def preamble(**labels: str) -> list[list[str]]:
    """Return what stands above the columns of shape A."""
    given = {
        "Short Code:": SHORTCODE,
        "Account:": ACCOUNT,
        "From": "01-11-2026 00:00:00",
        "To": "02-11-2026 23:59:59",
        **labels,
    }
    rows = [
        ["Account Holder:", "Example Shop", "", "Short Code:", given.pop("Short Code:")],
        [
            "Account:",
            given.pop("Account:"),
            "",
            "Time Period:",
            f"From {given.pop('From')}",
            f"To {given.pop('To')}",
        ],
    ]
    return rows + [[label, value] for label, value in given.items()]


def portal(rows: Iterable[Sequence[Any]], **labels: str) -> list[list[Any]]:
    """Return the rows of a file of shape A."""
    return [*preamble(**labels), PORTAL_COLUMNS, *map(list, rows)]


def example() -> list[list[Any]]:
    """Return a file of shape A that balances: two payments with their charges, newest first."""
    rows = [
        charge_row("UK2EXAMPL2", "02-11-2026 09:10:11", "-5.00", "1,490.00"),
        portal_row("UK2EXAMPL2", "02-11-2026 09:10:11", "500.00", "", "1,495.00", typed="0012"),
        charge_row("UK1EXAMPL1", "01-11-2026 23:59:58", "-5.00", "995.00"),
        portal_row("UK1EXAMPL1", "01-11-2026 23:59:58", "1,000.00", "", "1,000.00", typed="INV7"),
    ]
    sums = {
        "Opening Balance:": "0.00",
        "Closing Balance:": "1,490.00",
        "Total Paid In:": "1,500.00",
        "Total Withdrawn:": "-10.00",
    }
    return portal(rows, **sums)


def as_csv(
    path: Path, rows: Iterable[Sequence[Any]], *, delimiter: str = ",", encoding: str = "utf-8"
) -> Path:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def as_xlsx(path: Path, rows: Iterable[Sequence[Any]], sheets: Sequence[str] = ("transaction",)) -> Path:
    """Write a workbook; the rows stand on its last sheet."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.worksheets[0])
    for name in sheets:
        sheet = workbook.create_sheet(name)
    for row in rows:
        sheet.append([value if value != "" else None for value in row])
    workbook.save(path)
    return path


def as_xls(path: Path, rows: Iterable[Sequence[Any]]) -> Path:
    workbook = xlwt.Workbook()
    sheet = workbook.add_sheet("transaction")
    date = xlwt.easyxf(num_format_str="dd-mm-yyyy hh:mm:ss")
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            if isinstance(value, datetime):
                sheet.write(number, column, value, date)
            elif value != "":
                sheet.write(number, column, value)
    workbook.save(str(path))
    return path
