"""Recognizes the shape of a statement: where its columns are, and what it says about itself.

Columns are found by their names, never by their position: two of the shapes have withdrawn before paid in.
Names are compared without case, dots, blanks and `(KSHs)`. The shapes are those of importers that read real
files; nothing of this is documented by Safaricom.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, islice

from mpesa_service.domain.statements import Shape
from mpesa_service.statements.cells import Cell, Times, UnreadableCell, read_cents, read_text
from mpesa_service.statements.files import Row, StatementFile, invalid_file

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
_RECEIPT = re.compile(r"[A-Z0-9]{6,20}", re.ASCII)
_NEW_NAME = re.compile(
    r"Statements?[ _]for[ _](?P<shortcode>\d{4,10})[ _]from[ _](?P<begin>\d{4}-\d\d-\d\d)[ _]to[ _]"
    r"(?P<end>\d{4}-\d\d-\d\d)",
    re.IGNORECASE,
)
_DAILY_NAME = re.compile(r"Mpesa_(?P<shortcode>\d{4,10})_(?P<day>\d{8})(?P<clock>\d{6})", re.IGNORECASE)
_SHORTCODE = re.compile(r"\d{4,10}", re.ASCII)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Layout:
    """Where the columns of a file are (by our names), and how many the header has."""

    shape: Shape
    columns: Mapping[str, int]
    width: int


@dataclass(frozen=True)
class Heading:
    """What a file says about itself: above its columns, or in its name. Amounts are in cents.

    The period is in UTC; its end is the last second that it covers.
    """

    shortcode: str | None = None
    account: str | None = None
    period_from: datetime | None = None
    period_to: datetime | None = None
    opening_cents: int | None = None
    closing_cents: int | None = None
    paid_in_cents: int | None = None
    withdrawn_cents: int | None = None


@dataclass(frozen=True)
class Recognized:
    """A statement whose columns are known, and its rows below the header, which can be read once."""

    file: StatementFile
    layout: Layout
    heading: Heading
    rows: Iterator[Row] = field(repr=False)


def recognize(file: StatementFile) -> Recognized:
    """Find the sheet and the columns of a statement. Raises InvalidRequest if it is not one."""
    for rows in file.sheets():
        head = list(islice(rows, HEADER_ROWS))
        for place, (_, cells) in enumerate(head):
            if (found := _layout_of(cells, file.name)) is not None:
                above = [cells for _, cells in head[:place]]
                heading = _completed(_heading_of(above), file.name)
                _refuse_consumer(found.shape, cells, heading)
                return Recognized(file, found, heading, chain(head[place + 1 :], rows))
        if any(_is_daily(cells) for _, cells in head):
            layout = Layout(Shape.DAILY, _DAILY_COLUMNS, len(_DAILY_COLUMNS))
            return Recognized(file, layout, _completed(Heading(), file.name), chain(head, rows))
    raise invalid_file(NO_HEADER)


def column_key(cell: Cell) -> str:
    """Return the common form of a column's name: lower case, without what is in parentheses, dots, blanks."""
    text = re.sub(r"\(.*?\)", "", read_text(cell)).casefold()
    return "".join(letter for letter in text if letter.isalnum())


def looks_like_receipt(cell: Cell) -> bool:
    """Return whether a cell may be a receipt: 6 to 20 capitals and digits."""
    return _RECEIPT.fullmatch(read_text(cell).upper()) is not None


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
    if _DAILY_NAME.search(name) and "receiptno" not in keys:
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
    try:
        return Times().read(cells[1]) is not None and not read_text(cells[2]).isdecimal()
    except UnreadableCell:
        return False


def _heading_of(rows: Iterable[Sequence[Cell]]) -> Heading:
    """Read the labels above the columns, such as `Short Code:`, each with the value after it."""
    found: dict[str, str] = {}
    begin = end = None
    for cells in rows:
        texts = [read_text(cell) for cell in cells]
        filled = [text for text in texts if text]
        for label, value in zip(filled, [*filled[1:], ""], strict=True):
            # A label without a value is followed by the next label.
            found.setdefault(column_key(label), "" if value.endswith(":") else value)
        begin, end = begin or _after(filled, "from"), end or _after(filled, "to")
    return Heading(
        shortcode=_shortcode(found),
        account=found.get("account", "")[:64] or None,
        period_from=begin,
        period_to=end,
        opening_cents=_amount(found.get("openingbalance")),
        closing_cents=_amount(found.get("closingbalance")),
        paid_in_cents=_amount(found.get("totalpaidin")),
        withdrawn_cents=_absolute(_amount(found.get("totalwithdrawn"))),
    )


def _shortcode(found: Mapping[str, str]) -> str | None:
    for label in ("shortcode", "tillnumber", "paybill", "paybillnumber", "organizationshortcode"):
        if match := _SHORTCODE.search(found.get(label, "")):
            return match[0]
    return None


def _after(texts: Sequence[str], word: str) -> datetime | None:
    """Return the time after `From` or `To`: in the same cell, or in the next one."""
    form = re.compile(rf"\b{word}\b:?\s*(\d[\d\-/: ]*\d)?", re.IGNORECASE)
    for text, following in zip(texts, [*texts[1:], ""], strict=True):
        if match := form.search(text):
            try:
                found = Times().read(match[1] or following)
            except UnreadableCell:
                continue
            if found is not None:
                return found
    return None


def _amount(text: str | None) -> int | None:
    try:
        return read_cents(text)
    except UnreadableCell:
        return None


def _absolute(cents: int | None) -> int | None:
    return None if cents is None else abs(cents)


def _completed(heading: Heading, name: str) -> Heading:
    """Add what only the file's name says: the shortcode, and the period in whole days of Nairobi."""
    begin = end = None
    if match := _NEW_NAME.search(name):
        begin, end = _day(match["begin"]), _day(match["end"])
    elif (match := _DAILY_NAME.search(name)) and match["clock"] == "235959":
        begin = end = _day(match["day"])
    if match is None:
        return heading
    return Heading(
        **{
            **vars(heading),
            "shortcode": heading.shortcode or match["shortcode"],
            "period_from": heading.period_from or begin,
            "period_to": heading.period_to or (end + _DAY - _SECOND if end else None),
        }
    )


def _day(text: str) -> datetime | None:
    """Return the first second of a day of Nairobi, in UTC."""
    digits = text.replace("-", "")
    try:
        return Times().read(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")
    except UnreadableCell:
        return None
