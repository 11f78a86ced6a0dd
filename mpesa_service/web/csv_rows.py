"""CSV: reads batches of payouts, and writes rows."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from mpesa_service.domain.payouts import FIELDS, LongRow
from mpesa_service.errors import InvalidRequest

MAX_DIGITS = 12
"""More digits than any amount has. A longer number stays a text, and is refused as a text."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet treats a cell that starts with one of these as a formula."""


class CsvRows(list[tuple[int, dict[str, Any]]]):
    """The rows of a file with their numbers: row 1 is the first row below the column names."""


def read_csv(raw: bytes) -> CsvRows:
    """Read CSV: UTF-8 with or without a byte order mark, commas or semicolons, any line ends.

    Columns are named like the fields of a row. Empty cells count as absent. Empty lines are left out, but
    count in the row numbers. Raises InvalidRequest.
    """
    try:
        text = raw.decode("utf-8-sig")
        lines = list(
            csv.reader(
                io.StringIO(text, newline=""), delimiter=_delimiter(text), skipinitialspace=True, strict=True
            )
        )
    except (UnicodeDecodeError, csv.Error) as error:
        raise _invalid("The body is not CSV in UTF-8.") from error
    if not lines:
        raise _invalid("The file is empty.")
    names = [name.strip() for name in lines[0]]
    _check_names(names)
    return CsvRows(
        (number, _fields(names, cells))
        for number, cells in enumerate(lines[1:], start=1)
        if any(cell.strip() for cell in cells)
    )


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return ";" if ";" in head and "," not in head else ","


def _check_names(names: list[str]) -> None:
    unknown = [name for name in names if name not in FIELDS]
    if not names or unknown or len(set(names)) != len(names):
        listed = ", ".join(sorted(FIELDS))
        raise _invalid(f"The first line must contain column names, each once, from this list: {listed}.")


def _fields(names: list[str], cells: list[str]) -> dict[str, Any]:
    kind = LongRow if len(cells) > len(names) else dict
    row: dict[str, Any] = kind((name, cell) for name, cell in zip(names, cells, strict=False) if cell.strip())
    amount = row.get("amount", "").strip()
    if amount.isascii() and amount.isdigit() and len(amount) <= MAX_DIGITS:
        row["amount"] = int(amount)
    return row


def _invalid(sentence: str) -> InvalidRequest:
    return InvalidRequest(sentence, code="invalid_csv")


def csv_lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Yield each row as a line of CSV, in which no spreadsheet finds a formula."""
    for row in rows:
        line = io.StringIO()
        csv.writer(line).writerow([_harmless(cell) for cell in row])
        yield line.getvalue()


def _harmless(cell: Any) -> str:
    text = "" if cell is None else str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
