"""Writes a statement as csv, xls or xlsx.

csv needs nothing else. xls needs xlwt and xlsx needs openpyxl: the optional extra `simulator`.
"""

import csv
import importlib
import io
from collections.abc import Iterable, Iterator
from typing import Any

from daraja_simulator.errors import ControlError
from daraja_simulator.statement.shapes import Cell, Cells, with_commas

CONTENT_TYPES = {
    "csv": "text/csv;charset=UTF-8",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_LIBRARIES = {"xls": "xlwt", "xlsx": "openpyxl"}
_MOST_ROWS = {"xls": 65_536, "xlsx": 1_048_576}
_LINES_A_CHUNK = 500


def as_csv(lines: Iterable[Cells]) -> Iterator[bytes]:
    """Yield the file in pieces: UTF-8, commas, CRLF. Amounts have thousands separators."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for number, line in enumerate(lines, 1):
        writer.writerow([_text(cell) for cell in line])
        if number % _LINES_A_CHUNK == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


def as_workbook(kind: str, sheet: str, lines: Iterable[Cells], count: int, *, numbers: bool) -> bytes:
    """Return a workbook with one sheet. With `numbers`, amounts are numeric cells.

    Raises ControlError if the library is missing or the sheet cannot hold `count` lines.
    """
    library = _library(kind)
    if count > _MOST_ROWS[kind]:
        raise ControlError(f"{kind} holds {_MOST_ROWS[kind]:,} rows and this has {count:,}; use csv")
    convert = _number if numbers else _text
    write = _write_xls if kind == "xls" else _write_xlsx
    file = io.BytesIO()
    write(library, sheet, ([convert(cell) for cell in line] for line in lines), file)
    return file.getvalue()


def _library(kind: str) -> Any:
    name = _LIBRARIES[kind]
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ControlError(
            f"{kind} needs {name}: install the extra 'simulator' "
            "(pip install 'daraja-simulator[simulator]'), or use format=csv",
            501,
        ) from None


def _write_xls(xlwt: Any, sheet: str, lines: Iterable[list[Any]], file: io.BytesIO) -> None:
    book = xlwt.Workbook(encoding="utf-8")
    page = book.add_sheet(sheet)
    for number, line in enumerate(lines):
        for column, value in enumerate(line):
            if value != "":
                page.write(number, column, value)
    book.save(file)


def _write_xlsx(openpyxl: Any, sheet: str, lines: Iterable[list[Any]], file: io.BytesIO) -> None:
    book = openpyxl.Workbook(write_only=True)
    page = book.create_sheet(sheet)
    for line in lines:
        page.append([None if value == "" else value for value in line])
    book.save(file)


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else with_commas(cell)


def _number(cell: Cell) -> str | int | float:
    """Return an amount as the number that a sheet holds; a reader rounds it to the cent."""
    return cell if isinstance(cell, str | int) else float(cell)
