"""Recognizes the shape of a statement: where its columns are, and what it says about itself.

Columns are found by their names, never by their position: two of the shapes have withdrawn before paid in.
Names are compared without case, dots, blanks and `(KSHs)`. The shapes are those of importers that read real
files; nothing of this is documented by Safaricom.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from mpesa_service.domain.statements import Shape
from mpesa_service.statements.cells import USUAL, Cell, Forms, Times, UnreadableCell, read_text
from mpesa_service.statements.files import Row, Sheet, StatementFile, invalid_file
from mpesa_service.statements.heading import (
    DAILY_NAME,
    NEW_NAME,
    Heading,
    column_key,
    completed,
    heading_of,
)

HEADER_ROWS = 30
"""The column names stand in one of the first rows; the number of rows above them varies."""
NO_HEADER = (
    "No column `Receipt No.` was found in the first 30 rows. This is not a statement of the organization"
    " portal."
)
CONSUMER = (
    "This looks like a customer's own statement: it has no shortcode and no column of the organization"
    " portal. Download the organization's statement from the M-Pesa portal."
)
OF_ONE_ACCOUNT = frozenset({Shape.PORTAL, Shape.STORES, Shape.OLD_PORTAL})
"""Shapes whose lines are of the account that the file or the line names."""
_NAMES = {
    "receiptno": "receipt",
    "receipt": "receipt",
    "receiptnumber": "receipt",
    "completiontime": "time",
    "date": "time",
    "starttimestamp": "time",
    "details": "details",
    "transactionpartydetails": "details",
    "transactionstatus": "status",
    "status": "status",
    "paidin": "paid_in",
    "creditamount": "paid_in",
    "withdrawn": "withdrawn",
    "debitamount": "withdrawn",
    "balance": "balance",
    "reasontype": "type",
    "transactiontype": "type",
    "otherpartyinfo": "party",
    "oppositeparty": "party",
    "linkedtransactionid": "linked",
    "acno": "typed",
    "currency": "currency",
    "storename": "store",
    "accounttypename": "account",
}
"""Our names of the columns, by their common form. The first column of a name counts."""
_NEEDED = {"receipt", "time", "paid_in", "withdrawn"}
_PORTAL_ONLY = {
    "initiationtime",
    "reasontype",
    "otherpartyinfo",
    "linkedtransactionid",
    "acno",
    "balanceconfirmed",
}
_DAILY_COLUMNS = {
    "receipt": 0,
    "time": 1,
    "details": 2,
    "status": 3,
    "withdrawn": 4,
    "paid_in": 5,
    "balance": 6,
}
_SLASHED = re.compile(r"\d{1,2}[/.]\d{1,2}[/.]\d{4}", re.ASCII)
_RECEIPT = re.compile(r"[A-Z0-9]{6,20}", re.ASCII)


@dataclass(frozen=True)
class Layout:
    """Where the columns of a file are (by our names), and how many the header has."""

    shape: Shape
    columns: Mapping[str, int]
    width: int


@dataclass(frozen=True)
class Recognized:
    """A statement whose columns are known, and its rows below the header, which can be read once.

    `before` and `further` are the other sheets of a workbook, before and after the one of the columns.
    """

    file: StatementFile
    layout: Layout
    heading: Heading
    rows: Iterator[Row] = field(repr=False)
    before: Sequence[Sheet] = field(default=(), repr=False)
    further: Iterator[Sheet] = field(default=iter(()), repr=False)
    labels: Sequence[Sequence[Cell]] = field(default=(), repr=False)
    forms: Forms = USUAL

    @property
    def slashed_period(self) -> bool:
        """Whether the dates above the columns are as ambiguous as those of the rows may be."""
        return any(_SLASHED.search(read_text(cell)) for cells in self.labels for cell in cells)

    def heading_in(self, forms: Forms) -> Heading:
        """Return the heading, with its amounts and its period in the forms of the rows."""
        if not forms.decimal_comma and not (forms.month_first and self.slashed_period):
            return self.heading
        month_first = bool(forms.month_first) and self.slashed_period
        stated = heading_of(self.labels, decimal_comma=forms.decimal_comma, month_first=month_first)
        stated = completed(stated, self.file.name)
        names = [name for name in vars(stated) if name.endswith("_cents") or name.startswith("period_")]
        return replace(self.heading, **{name: getattr(stated, name) for name in names})


def recognize(file: StatementFile) -> Recognized:
    """Find the sheet and the columns of a statement. Raises InvalidRequest if it is not one."""
    sheets, before = file.sheets(), list[Sheet]()
    for name, rows in sheets:
        head = list(islice(rows, HEADER_ROWS))
        if (found := with_columns(head, file.name)) is not None:
            heading = completed(heading_of(found.labels), file.name)
            _refuse_consumer(found.layout.shape, found.names, heading)
            data = chain(found.data, rows)
            return Recognized(file, found.layout, heading, data, before, sheets, found.labels)
        if any(_is_daily(cells) for _, cells in head):
            return _without_header(file, before)
        before.append((name, chain(head, rows)))
    raise invalid_file(NO_HEADER)


@dataclass(frozen=True)
class Head:
    """The first rows of a sheet that has column names: those names, the rows above them, and the data."""

    layout: Layout
    names: Sequence[Cell]
    labels: list[Sequence[Cell]]
    data: list[Row]


def with_columns(rows: Sequence[Row], file_name: str) -> Head | None:
    """Find the column names in the first rows of a sheet."""
    for place, (_, cells) in enumerate(rows):
        if (found := _layout_of(cells, file_name)) is not None:
            labels, data = _parted(rows[:place], found)
            return Head(found, cells, labels, [*data, *rows[place + 1 :]])
    return None


def _without_header(file: StatementFile, before: Sequence[Sheet]) -> Recognized:
    """Return the statement on a sheet that begins with data: of shape F, or sorted with its column names.

    Such a file of shape B has its amounts in the other order, so the column names are looked for everywhere.
    """
    heading = completed(Heading(), file.name)
    layout = Layout(Shape.DAILY, _DAILY_COLUMNS, len(_DAILY_COLUMNS))
    _, rows = next(islice(file.sheets(), len(before), None))
    for _, cells in rows:
        if (found := _layout_of(cells, file.name)) is not None:
            _refuse_consumer(found.shape, cells, heading)
            layout = found
            break
    else:
        if NEW_NAME.search(file.name):
            raise invalid_file(NO_HEADER)
    further = islice(file.sheets(), len(before), None)
    _, rows = next(further)
    return Recognized(file, layout, heading, rows, before, further)


def _parted(rows: Sequence[Row], layout: Layout) -> tuple[list[Sequence[Cell]], list[Row]]:
    """Part the rows above the column names: what the file says about itself, and transactions.

    People sort files, and the column names with them. From the first transaction on, all rows are data that
    do not begin with a label such as `Account:`.
    """
    labels: list[Sequence[Cell]] = []
    data: list[Row] = []
    for row in rows:
        first = next(filter(None, map(read_text, row[1])), "")
        if not first.endswith(":") and (data or looks_like_transaction(row[1], layout)):
            data.append(row)
        else:
            labels.append(row[1])
    return labels, data


def looks_like_receipt(cell: Cell) -> bool:
    """Return whether a cell may be a receipt: 6 to 20 capitals and digits."""
    return _RECEIPT.fullmatch(read_text(cell).upper()) is not None


def looks_like_transaction(cells: Sequence[Cell], layout: Layout) -> bool:
    """Return whether a row has a receipt and a time: in the columns of the layout, or anywhere.

    Anywhere, a receipt has a letter and a digit: a word is none.
    """
    if looks_like_line(cells, layout):
        return True
    texts = [text for text in map(read_text, cells) if looks_like_receipt(text)]
    has_receipt = any(not text.isalpha() and not text.isdecimal() for text in texts)
    return has_receipt and any(map(is_time, cells))


def looks_like_line(cells: Sequence[Cell], layout: Layout) -> bool:
    """Return whether a row has a receipt and a time in the columns of the layout."""
    receipt, time = layout.columns["receipt"], layout.columns["time"]
    return max(receipt, time) < len(cells) and looks_like_receipt(cells[receipt]) and is_time(cells[time])


def is_time(cell: Cell) -> bool:
    """Return whether a cell is a readable time."""
    try:
        return Times().read(cell) is not None
    except UnreadableCell:
        return False


def names_column(cell: Cell, name: str) -> bool:
    """Return whether a cell is the name of this column of ours."""
    return _NAMES.get(column_key(cell)) == name


def _layout_of(cells: Sequence[Cell], name: str) -> Layout | None:
    """Return the layout that a row of column names gives, or None if it is no such row."""
    keys = [column_key(cell) for cell in cells]
    columns: dict[str, int] = {}
    for place, key in enumerate(keys):
        if key in _NAMES:
            columns.setdefault(_NAMES[key], place)
    if not columns.keys() >= _NEEDED:
        return None
    while keys and not keys[-1]:
        keys.pop()
    return Layout(_shape_of(set(keys), name), columns, len(keys))


def _shape_of(keys: set[str], name: str) -> Shape:
    if "creditamount" in keys:
        return Shape.STORES
    if DAILY_NAME.search(name) and "receiptno" not in keys:
        return Shape.DAILY
    if "receiptno" not in keys and "date" in keys:
        return Shape.OLD_PORTAL
    return Shape.PORTAL if keys & _PORTAL_ONLY else Shape.NEW_PORTAL


def _refuse_consumer(shape: Shape, header: Sequence[Cell], heading: Heading) -> None:
    """Refuse a customer's own statement. Its seven columns differ from those of shape B only in `(KSHs)`."""
    if shape is not Shape.NEW_PORTAL:
        return
    in_shillings = any("ksh" in read_text(cell).casefold() for cell in header)
    if not in_shillings and heading.shortcode is None:
        raise invalid_file(CONSUMER)


def _is_daily(cells: Sequence[Cell]) -> bool:
    """Return whether this is a row of shape F: receipt, time, details, status."""
    if len(cells) < len(_DAILY_COLUMNS) - 1 or not looks_like_receipt(cells[0]):
        return False
    return is_time(cells[1]) and not read_text(cells[2]).isdecimal()
