"""Opens a statement file and yields its rows.

The first bytes decide what a file is, never its name. `core/workbooks.py` reads Excel's files.
"""

import codecs
import csv
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mpesa_service.core.workbooks import (
    XLS_START,
    XLSX_START,
    Why,
    WorkbookLimits,
    WorkbookRefused,
    check_xlsx,
    sheets,
)
from mpesa_service.errors import InvalidRequest
from mpesa_service.statements.cells import Cell

MOST_UNPACKED_BYTES = 256 * 1024 * 1024
MOST_ENTRIES = 1_000
MOST_COLUMNS = 40
MOST_WORKBOOK_ROWS = 200_000
MOST_WORKBOOK_BYTES = 64 * 1024 * 1024
MOST_SHEETS = 20
PIECE = 1024 * 1024
HEAD = 64 * 1024

PDF = (
    "This is a PDF. A customer's own statement cannot be imported: download the organization's statement from"
    " the M-Pesa portal as CSV or Excel."
)
NOT_A_WORKBOOK = "This Excel file cannot be read. Save it again, or download the statement as CSV."
LOCKED = "This Excel file has a password. Save it without one."
TOO_LARGE = (
    "This Excel file is too large, or has too many sheets or columns. Download the statement as CSV, or for a"
    " shorter period."
)
NOT_TEXT = "This file is neither CSV nor Excel."
EMPTY = "The file is empty."

Row = tuple[int, Sequence[Cell]]
"""A row of a file: its line number (from 1), and its cells."""
Sheet = tuple[str, Iterator[Row]]
"""The name of a sheet, and its rows."""


class Container(StrEnum):
    """The kind of a file, by its first bytes."""

    CSV = "csv"
    XLS = "xls"
    XLSX = "xlsx"


@dataclass(frozen=True)
class StatementFile:
    """A file on disk: its name as the user gave it, its kind, its SHA-256, and for CSV its encoding."""

    path: Path
    name: str
    container: Container
    sha256: str
    encoding: str = ""
    delimiter: str = ","

    def sheets(self) -> Iterator[Sheet]:
        """Yield each sheet that has cells; CSV is one sheet without a name. Raises InvalidRequest."""
        if self.container is Container.CSV:
            yield "", self._csv_rows()
            return
        yield from _workbook_sheets(self.path)

    def _csv_rows(self) -> Iterator[Row]:
        with self.path.open(encoding=self.encoding, errors="replace", newline="") as text:
            reader = csv.reader(text, delimiter=self.delimiter)
            try:
                for cells in reader:
                    yield reader.line_num, cells
            except csv.Error as error:
                raise invalid_file(f"Line {reader.line_num + 1} of the file is not CSV.") from error


def open_statement(path: Path, name: str) -> StatementFile:
    """Return the file, with its kind, encoding and SHA-256. Reads it once. Raises InvalidRequest."""
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    container = _container_of(head)
    digest, utf8 = _read_once(path)
    if container is not Container.CSV:
        if path.stat().st_size > MOST_WORKBOOK_BYTES:
            raise invalid_file(TOO_LARGE)
        if container is Container.XLSX:
            _check_zip(path)
        return StatementFile(path, name, container, digest)
    encoding = _encoding(head, utf8=utf8)
    text = head.decode(encoding, errors="replace")
    if "\0" in text:
        raise invalid_file(NOT_TEXT)
    return StatementFile(path, name, container, digest, encoding, _delimiter(text))


def invalid_file(sentence: str) -> InvalidRequest:
    """Return the error for a file that cannot be imported."""
    return InvalidRequest(sentence, code="invalid_statement")


def _container_of(head: bytes) -> Container:
    if not head.strip():
        raise invalid_file(EMPTY)
    if head.startswith(XLS_START):
        return Container.XLS
    if head.startswith(XLSX_START):
        return Container.XLSX
    if b"%PDF" in head[:1024]:
        raise invalid_file(PDF)
    return Container.CSV


def _read_once(path: Path) -> tuple[str, bool]:
    """Return the SHA-256 of a file, and whether all of it is UTF-8."""
    digest, decoder, utf8 = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")(), True
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            digest.update(piece)
            if utf8:
                try:
                    decoder.decode(piece)
                except UnicodeDecodeError:
                    utf8 = False
    return digest.hexdigest(), utf8


def _encoding(head: bytes, *, utf8: bool) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig" if utf8 else "cp1252"


def _delimiter(head: str) -> str:
    """Return the separator that most lines of the beginning have: people save files again with others."""
    lines = head.splitlines()[:40]
    counts = {mark: sum(line.count(mark) for line in lines) for mark in (",", ";", "\t")}
    # Amounts have thousands commas, so another separator counts if it stands in as many lines as text has.
    with_mark = {mark: sum(mark in line for line in lines) for mark in counts}
    return max(counts, key=lambda mark: (with_mark[mark], counts[mark]))


def _refusal(error: WorkbookRefused) -> InvalidRequest:
    return invalid_file({Why.TOO_LARGE: TOO_LARGE, Why.LOCKED: LOCKED}.get(error.why, NOT_A_WORKBOOK))


def _limits() -> WorkbookLimits:
    return WorkbookLimits(
        MOST_UNPACKED_BYTES, MOST_WORKBOOK_ROWS, MOST_COLUMNS, entries=MOST_ENTRIES, sheets=MOST_SHEETS
    )


def _check_zip(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            check_xlsx(stream, _limits())
    except WorkbookRefused as error:
        raise _refusal(error) from error


def _workbook_sheets(path: Path) -> Iterator[Sheet]:
    try:
        with path.open("rb") as stream:
            yield from sheets(stream, _limits())
    except WorkbookRefused as error:
        raise _refusal(error) from error
