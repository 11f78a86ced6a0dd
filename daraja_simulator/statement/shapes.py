"""The cells of each shape: preamble, header and data rows, and the file's name.

A cell is a text, or an amount that a workbook can hold as a number. Times are Nairobi's.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from daraja_simulator.ledger import ACCOUNTS, ORGANIZATION
from daraja_simulator.money import Money, size
from daraja_simulator.statement.rows import Row, Statement
from daraja_simulator.wire import NAIROBI

Cell = str | Money
Cells = Sequence[Cell]

_DAY_FIRST, _SLASHES, _YEAR_FIRST = "%d-%m-%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Choices:
    """What a caller can choose beyond the shape."""

    currency: bool = False
    """Shape A: the 14th column, Currency."""
    linked: bool = False
    """Shapes A and C: fill the linked receipt of a reversal. No published file had it filled."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How one kind of file is written."""

    title: str
    header: tuple[str, ...]
    """The names of the columns. A file without a header has none."""
    cells: Callable[[Row, Choices], Cells]
    file_name: Callable[[Statement], str]
    """The name without its ending."""
    preamble: bool = False
    account: str | None = None
    """The account if the caller names none. None: all accounts in one file."""
    newest_first: bool = True
    masked: bool = True
    numbers: bool = False
    """Whether a workbook holds amounts as numbers."""
    all_numbers: bool = False
    """Whether one file has every business number."""
    has_status: bool = True
    """Whether a row says that its transaction failed."""


def lines(shape: Shape, statement: Statement, choices: Choices) -> Iterator[Cells]:
    """Yield every line of the file: preamble, header, data."""
    if shape.preamble:
        yield from _preamble(statement)
    if shape.header:
        extra = ("Currency",) if choices.currency and shape is SHAPES["A"] else ()
        yield (*shape.header, *extra)
    for row in statement.rows(newest_first=shape.newest_first, masked=shape.masked):
        yield shape.cells(row, choices)


def with_commas(amount: Money) -> str:
    """Return 1,100.00."""
    return f"{amount:,.2f}"


def _preamble(statement: Statement) -> Iterator[Cells]:
    selection = statement.selection
    account = ACCOUNTS[selection.account] if selection.account else "All Accounts"
    start, end = _time(selection.start, _DAY_FIRST), _time(statement.last_second, _DAY_FIRST)
    closing = with_commas(statement.closing)
    yield "Account Holder:", ORGANIZATION, "", "Short Code:", statement.shortcode
    yield "Account:", account, "", "Time Period:", f"From {start}", f"To {end}"
    yield "Operator:", "testapi", "", "Date of Report:", _time(statement.made_at, _DAY_FIRST)
    yield "Opening Balance:", with_commas(statement.opening), "", "Closing Balance:", closing
    yield "Available Balance:", closing
    yield (
        "Total Paid In:",
        with_commas(statement.paid_in),
        "",
        "Total Withdrawn:",
        with_commas(-statement.withdrawn),
    )


def _a(row: Row, choices: Choices) -> Cells:
    wording = row.wording
    cells: Cells = (
        row.receipt,
        _time(row.completed_at, _DAY_FIRST),
        _time(row.initiated_at, _DAY_FIRST),
        wording.details,
        _status(row),
        row.change if row.change > 0 else "",
        row.change if row.change < 0 else "",
        row.balance,
        "true",
        wording.reason_type,
        wording.party,
        wording.linked if choices.linked else "",
        wording.account,
    )
    return (*cells, "KES") if choices.currency else cells


def _b(row: Row, _choices: Choices) -> Cells:
    return (
        row.receipt,
        _time(row.completed_at, _SLASHES),
        row.wording.details,
        _status(row),
        *(with_commas(amount) for amount in (*_sides(row), row.balance)),
    )


def _c(row: Row, choices: Choices) -> Cells:
    paid_in, withdrawn = _sides(row)
    wording = row.wording
    kind = "Customer Merchant Payment" if row.till else wording.reason_type
    return (
        f"{ORGANIZATION} {row.shortcode}",
        row.receipt,
        ACCOUNTS[row.account],
        kind,
        _time(row.initiated_at, _YEAR_FIRST),
        wording.details if row.charge or not wording.party else wording.party,
        plain(paid_in) if paid_in else "",
        plain(withdrawn) if withdrawn else "",
        plain(row.balance),
        wording.linked if choices.linked else "",
        "",
    )


def _d(row: Row, _choices: Choices) -> Cells:
    paid_in, withdrawn = _sides(row)
    return (
        row.receipt,
        _time(row.completed_at, _YEAR_FIRST),
        row.wording.details,
        _status(row),
        withdrawn or "",
        paid_in or "",
        row.balance,
        "true",
        row.wording.reason_type,
        row.wording.party,
        row.wording.account,
    )


def _f(row: Row, _choices: Choices) -> Cells:
    paid_in, withdrawn = _sides(row)
    return (
        row.receipt,
        _time(row.completed_at, _YEAR_FIRST),
        row.wording.details,
        _status(row),
        plain(withdrawn) if withdrawn else "0",
        plain(paid_in) if paid_in else "0",
        plain(row.balance),
    )


def plain(amount: Money) -> str:
    """Return 1100.00."""
    return f"{amount:.2f}"


def _sides(row: Row) -> tuple[Money, Money]:
    """Return what was paid in and what was withdrawn, both without a sign. One of them is 0."""
    return (row.change, 0) if row.change > 0 else (0, size(row.change))


def _status(row: Row) -> str:
    return "Failed" if row.failed else "Completed"


def _time(moment: datetime, form: str) -> str:
    return moment.astimezone(NAIROBI).strftime(form)


def _portal_name(statement: Statement) -> str:
    account = ACCOUNTS[statement.selection.account] if statement.selection.account else "All Accounts"
    return f"transaction {statement.shortcode} {account}"


def _period_name(statement: Statement) -> str:
    start, end = _time(statement.selection.start, "%Y-%m-%d"), _time(statement.last_second, "%Y-%m-%d")
    return f"Statements for {statement.shortcode} from {start} to {end}"


def _stamped_name(statement: Statement) -> str:
    return f"Mpesa_{statement.shortcode}_{_time(statement.made_at, '%Y%m%d%H%M%S')}"


def _daily_name(statement: Statement) -> str:
    return f"Mpesa_{statement.shortcode}_{_time(statement.last_second, '%Y%m%d')}235959"


SHAPES: dict[str, Shape] = {
    "A": Shape(
        "the portal's export, one account",
        (
            "Receipt No.",
            "Completion Time",
            "Initiation Time",
            "Details",
            "Transaction Status",
            "Paid In",
            "Withdrawn",
            "Balance",
            "Balance Confirmed",
            "Reason Type",
            "Other Party Info",
            "Linked Transaction ID",
            "A/C No.",
        ),
        _a,
        _portal_name,
        preamble=True,
        account="utility",
        numbers=True,
    ),
    "B": Shape(
        "the portal's newer export",
        (
            "Receipt No",
            "Completion Time",
            "Details",
            "Transaction Status",
            "Paid In (KSHs)",
            "Withdrawn (KSHs)",
            "Balance (KSHs)",
        ),
        _b,
        _period_name,
    ),
    "C": Shape(
        "a head office and its stores",
        (
            "STORE_NAME",
            "RECEIPT_NUMBER",
            "ACCOUNT_TYPE_NAME",
            "TRANSACTION_TYPE",
            "START_TIMESTAMP",
            "TRANSACTION_PARTY_DETAILS",
            "CREDIT_AMOUNT",
            "DEBIT_AMOUNT",
            "BALANCE",
            "LINKED_TRANSACTION_ID",
        ),
        _c,
        _stamped_name,
        newest_first=False,
        all_numbers=True,
        has_status=False,
    ),
    "D": Shape(
        "the export of 2010",
        (
            "Receipt",
            "Date",
            "Details",
            "Status",
            "Withdrawn",
            "Paid In",
            "Balance",
            "Balance Confirmed",
            "Transaction Type",
            "Other Party Info",
            "Transaction Party Details",
        ),
        _d,
        _portal_name,
        preamble=True,
        account="utility",
        numbers=True,
    ),
    "F": Shape("a daily file to an aggregator", (), _f, _daily_name, newest_first=False, masked=False),
}
