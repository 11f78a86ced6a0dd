"""Reads the rows of a recognized statement: each becomes a StatementLine, or an UnreadRow with its reason.

One receipt may have several rows, such as a payment and its charge. Nothing is dropped: a row that cannot be
understood is counted and shown with its line number.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from mpesa_service.domain.statements import COMPLETED, NOT_COMPLETED, LineKind, Shape, kind_of
from mpesa_service.statements.cells import (
    Cell,
    Forms,
    Times,
    UnreadableCell,
    plain_text,
    read_cents,
    read_comma_cents,
    read_text,
)
from mpesa_service.statements.shapes import (
    Recognized,
    is_time,
    looks_like_receipt,
    looks_like_transaction,
    names_column,
)

TYPE_KEPT = 64
TEXT_KEPT = 255
ACCOUNT_KEPT = 64
KINDS_KEPT = 10_000
_HEAD = re.compile(r"^(.*?)(?: (?:from|by|to) (?=[\d*+]|\S+ - )| - | Acc\.|$)", re.IGNORECASE)
_WHOLE_AMOUNT = re.compile(r"0|-?\d[\d,]*\.\d\d", re.ASCII)


class StatementLine(NamedTuple):
    """A line of a statement. Money that came in is positive, money that left is negative, in cents.

    `type` is M-Pesa's own word for the transaction, without personal data. `details`, `party` and `typed`
    (the account that the payer typed) may be personal data. `completed_at` is in UTC.
    """

    row: int
    receipt: str
    completed_at: datetime
    amount_cents: int
    balance_cents: int | None
    kind: LineKind
    type: str
    account: str
    linked: str | None
    details: str
    party: str
    typed: str


@dataclass(frozen=True)
class UnreadRow:
    """A row that could not be understood, and why. It holds nothing of the row's content.

    `may_be_money` is whether it looks like a transaction: then the statement proves nothing.
    """

    row: int
    reason: str
    may_be_money: bool = False


def read_lines(recognized: Recognized, account: str, forms: Forms) -> Iterator[StatementLine | UnreadRow]:
    """Yield every row that is not blank. `account` is the account of rows that do not name their own."""
    reader = _Reader(recognized, account, forms)
    for number, cells in recognized.rows:
        try:
            line = reader.line(number, cells)
        except UnreadableCell as error:
            if not reader.repeats_names(cells):
                may_be_money = looks_like_transaction(cells, recognized.layout)
                yield UnreadRow(number, str(error), may_be_money)
            continue
        if line is not None:
            yield line


class _Reader:
    """Reads the rows of one file; it keeps what rows have in common."""

    def __init__(self, recognized: Recognized, account: str, forms: Forms) -> None:
        layout = recognized.layout
        self._shape, self._width, self._account = layout.shape, layout.width, account
        self._places = layout.columns
        none = layout.width
        place = layout.columns.get
        self._receipt, self._time = layout.columns["receipt"], layout.columns["time"]
        self._paid_in, self._withdrawn = layout.columns["paid_in"], layout.columns["withdrawn"]
        # The place after the last column is an empty cell.
        self._status, self._balance = place("status", none), place("balance", none)
        self._details, self._type = place("details", none), place("type", none)
        self._party, self._linked = place("party", none), place("linked", none)
        self._typed, self._currency = place("typed", none), place("currency", none)
        self._has_status, self._has_type = "status" in layout.columns, "type" in layout.columns
        self._times = Times(month_first=forms.month_first)
        self._cents = read_comma_cents if forms.decimal_comma else read_cents
        self._kinds: dict[tuple[str, str, bool], tuple[LineKind, str]] = {}

    def line(self, number: int, given: Sequence[Cell]) -> StatementLine | None:
        """Return the line of a row; None for a blank row. Raises UnreadableCell."""
        cells = given
        if len(cells) != self._width:
            cells = self._aligned(cells)
        cells = [*cells, ""]
        receipt = cells[self._receipt]
        receipt = receipt.strip() if receipt.__class__ is str else read_text(receipt)
        if not (receipt.isalnum() and receipt.isupper()) or not 6 <= len(receipt) <= 20:
            if not any(map(read_text, cells)):
                return None
            receipt = _checked_receipt(receipt)
        at = self._times.read(cells[self._time])
        if at is None:
            raise UnreadableCell("it has no time")
        completed = self._is_completed(cells)
        amount = self._amount(cells, completed=completed)
        details, type_ = read_text(cells[self._details]), read_text(cells[self._type])
        kind, type_ = self._kind(type_, details, amount, completed=completed)
        return StatementLine(
            number,
            receipt,
            at,
            amount,
            self._cents(cells[self._balance]),
            kind,
            type_,
            self._account if self._shape is not Shape.STORES else self._store_account(cells),
            plain_text(read_text(cells[self._linked]).upper()) or None,
            details,
            read_text(cells[self._party]),
            read_text(cells[self._typed]),
        )

    def _is_completed(self, cells: Sequence[Cell]) -> bool:
        status = cells[self._status]
        if status == "Completed" or not self._has_status:
            return True
        word = read_text(status).casefold()
        if word == COMPLETED:
            return True
        if word in NOT_COMPLETED:
            return False
        raise UnreadableCell("its status is not known" if word else "it has no status")

    def _amount(self, cells: Sequence[Cell], *, completed: bool) -> int:
        """Return the signed amount. The column decides the direction: `Withdrawn` occurs with both signs."""
        if self._shape is Shape.DAILY:
            _refuse_cut_amounts(cells[self._withdrawn], cells[self._paid_in])
        paid_in, withdrawn = self._cents(cells[self._paid_in]), self._cents(cells[self._withdrawn])
        currency = cells[self._currency]
        if currency and read_text(currency).upper() not in {"KES", "KSH", "KSHS"}:
            raise UnreadableCell("its currency is not KES")
        if paid_in:
            if withdrawn:
                raise UnreadableCell("it has both an amount paid in and an amount withdrawn")
            if paid_in < 0:
                raise UnreadableCell("its amount paid in is negative")
            return paid_in
        if withdrawn:
            return -abs(withdrawn)
        if completed:
            raise UnreadableCell("it has no amount")
        return 0

    def _kind(self, type_: str, details: str, amount: int, *, completed: bool) -> tuple[LineKind, str]:
        """Return the kind, and the type as it is stored: without anything that may be personal."""
        if not completed:
            return LineKind.NOT_COMPLETED, plain_text(type_)[:TYPE_KEPT]
        head = details.partition(" from ")[0]
        key = (type_, head, amount > 0)
        found = self._kinds.get(key)
        if found is None:
            if len(self._kinds) >= KINDS_KEPT:
                self._kinds.clear()
            match = _HEAD.match(head)
            short = match[1] if match else head
            kind = kind_of(type_, short, paid_in=amount > 0)
            stored = type_ or (short if kind is not LineKind.UNKNOWN else "")
            found = self._kinds[key] = (kind, plain_text(stored)[:TYPE_KEPT])
        return found

    def _store_account(self, cells: Sequence[Cell]) -> str:
        names = (
            read_text(cells[place])
            for name in ("store", "account")
            if (place := self._places.get(name)) is not None
        )
        return plain_text(" / ".join(name for name in names if name))[:ACCOUNT_KEPT]

    def _aligned(self, cells: Sequence[Cell]) -> list[Cell]:
        """Return a row with as many cells as there are columns.

        Rows of shape C have one separator more than the column names. A name in a row of shape F may contain
        a comma, because the file has no quotes.
        """
        width, over = self._width, len(cells) - self._width
        if over <= 0:
            return [*cells, *[""] * -over]
        if self._shape is Shape.DAILY:
            return self._joined_details(list(cells))
        for shift in range(min(over, 2) + 1):
            moved = list(cells[shift : shift + width])
            if looks_like_receipt(moved[self._receipt]) and is_time(moved[self._time]):
                return moved
        return list(cells[:width])

    def _joined_details(self, cells: list[Cell]) -> list[Cell]:
        """Return a row of shape F whose details were cut at their commas, with the details in one cell."""
        for place in range(3, len(cells)):
            word = read_text(cells[place]).casefold()
            if word == COMPLETED or word in NOT_COMPLETED:
                joined = [*cells[:2], ",".join(map(str, cells[2:place])), *cells[place : place + 4]]
                return [*joined, *[""] * (self._width - len(joined))]
        return cells[: self._width]

    def repeats_names(self, given: Sequence[Cell]) -> bool:
        """Return whether a row repeats the column names."""
        cells = [*self._aligned(given), ""]
        places = (("receipt", self._receipt), ("details", self._details))
        is_named = any(names_column(cells[place], name) for name, place in places)
        return is_named and not is_time(cells[self._time])


def _checked_receipt(text: str) -> str:
    receipt = text.upper()
    if not receipt:
        raise UnreadableCell("it has no receipt")
    if not looks_like_receipt(receipt):
        raise UnreadableCell("its receipt is not readable")
    return receipt


def _refuse_cut_amounts(*cells: Cell) -> None:
    """Refuse an amount of shape F without decimals: it may be the beginning of 1,100.00, cut at its comma."""
    for cell in cells:
        if cell.__class__ is str and cell and not _WHOLE_AMOUNT.fullmatch(cell.strip()):
            raise UnreadableCell("an amount may be cut at its comma")
