"""Files of payouts as people save them: from the cells of a table to the fields of rows.

Spreadsheets change what people type. What is still certain is accepted: `1,500.00`, names in other capitals,
empty columns at the end. What a spreadsheet may have damaged is refused, or leads to a warning.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta

from mpesa_service.domain.commands import PayoutType
from mpesa_service.domain.money import typed_shillings
from mpesa_service.domain.payouts import FIELDS, ChangedCell, LongRow, PayoutPurpose
from mpesa_service.errors import InvalidRequest

ACCOUNT = "accountReference"
STRIPPED = (
    "accountReference: all values are numbers of different lengths, and none begins with 0. If leading zeros"
    " are missing, make the column text in the spreadsheet, type them again, and upload the file again."
)
NUMBERS = (
    "accountReference: the workbook has numbers, which have no leading zeros. If some are missing, make the"
    " column text in the spreadsheet, type them again, and upload the file again."
)
EXACT_UP_TO = 10**15
"""A spreadsheet keeps fifteen digits of a number, and replaces the others by zeros."""

_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.0+)?", re.ASCII)
_ERROR = re.compile(r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NUM!|NULL!|SPILL!|CALC!)|#+", re.IGNORECASE)
"""What a formula without a result shows, and a column that is too narrow."""


class FileRows(list[tuple[int, Mapping[str, object]]]):
    """The rows of a file with their numbers: row 1 is the first row below the column names.

    `warnings` are sentences about what a spreadsheet may have changed.
    """

    def __init__(
        self, rows: Iterable[tuple[int, Mapping[str, object]]], warnings: Iterable[str] = ()
    ) -> None:
        super().__init__(rows)
        self.warnings = tuple(warnings)


def warnings_of(rows: object) -> tuple[str, ...]:
    """Return the warnings about rows that come from a file."""
    return rows.warnings if isinstance(rows, FileRows) else ()


def invalid_file(sentence: str) -> InvalidRequest:
    """Return the error for a file that is not a table of payouts."""
    return InvalidRequest(sentence, code="invalid_csv")


def rows_of(table: Sequence[Sequence[object]]) -> FileRows:
    """Return the rows of a table whose first row names the fields, in any capitals.

    Empty cells count as absent. Empty rows are left out, but count in the row numbers. A column without a
    name must be empty. Raises InvalidRequest if the first row does not name the fields.
    """
    names = _names(table[0])
    rows = [
        (number, _fields(names, cells))
        for number, cells in enumerate(table[1:], start=1)
        if any(_text(cell) for cell in cells)
    ]
    return FileRows(rows, _warnings(names, table[1:]))


def count_of_names(cells: Sequence[object]) -> int:
    """Return how many of the cells name a field."""
    return sum(_plain(cell) in _BY_NAME for cell in cells)


def _plain(cell: object) -> str:
    """Return the letters and digits of a name: `Phone Number` and `phone_number` are one name."""
    return "".join(letter for letter in str(cell).casefold() if letter.isalnum())


_BY_NAME = {_plain(name): name for name in FIELDS}
_WORDS = {
    "type": {_plain(word): word.value for word in PayoutType},
    "command": {_plain(word): word.value for word in PayoutPurpose},
}


def _names(cells: Sequence[object]) -> list[str]:
    """Return the field of each column; an empty text for a column without a name."""
    plain = [_plain(cell) if _text(cell) else "" for cell in cells]
    named = [name for name in plain if name]
    if not named or len(set(named)) != len(named) or not set(named) <= set(_BY_NAME):
        listed = ", ".join(sorted(FIELDS))
        raise invalid_file(f"The first line must contain column names, each once, from this list: {listed}.")
    return [_BY_NAME.get(name, "") for name in plain]


def _fields(names: Sequence[str], cells: Sequence[object]) -> dict[str, object]:
    row: dict[str, object] = {}
    for place, cell in enumerate(cells):
        text = _text(cell)
        name = names[place] if place < len(names) else ""
        if not name and text:
            row = LongRow(row)
        elif text:
            row[name] = _value(name, text)
    return row


def _value(name: str, text: str) -> object:
    if isinstance(text, ChangedCell):
        return text
    if name == "amount":
        bare = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text
        amount = typed_shillings(bare)
        return text if amount is None else amount
    if name in _WORDS:
        return _WORDS[name].get(_plain(text), text)
    return text


def _text(cell: object) -> str:
    """Return a cell as a text without blanks around it; a ChangedCell for what was not typed like this."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        text = cell.strip()
        return ChangedCell(text) if _ERROR.fullmatch(text) else text
    if isinstance(cell, bool | date | datetime | time | timedelta):
        return ChangedCell(cell)
    if isinstance(cell, int | float) and abs(cell) < EXACT_UP_TO:
        return str(int(cell)) if cell == int(cell) else repr(cell)
    return ChangedCell(cell)


def _warnings(names: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return what looks as if a spreadsheet had removed leading zeros."""
    if ACCOUNT not in names:
        return []
    place = names.index(ACCOUNT)
    cells = [cells[place] for cells in rows if place < len(cells) and _text(cells[place])]
    if any(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells):
        return [NUMBERS]
    texts = [_text(cell) for cell in cells]
    digits = all(text.isascii() and text.isdigit() for text in texts)
    lengths = {len(text) for text in texts}
    return [STRIPPED] if digits and len(lengths) > 1 and not any(t.startswith("0") for t in texts) else []
