"""Opens a statement file and yields its rows.

The first bytes decide what a file is, never its name. A workbook is limited before it is unpacked: a small
file can unpack to gigabytes, or name one cell at the end of a sheet that has room for billions.
"""

import codecs
import csv
import hashlib
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from pathlib import Path

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

_FAR_CELL = re.compile(rb'r="(?:([A-Z]{1,3})?(\d{6,})|([A-Z]{2,3})\d{1,5})"')
_CELL_LIMIT = MOST_WORKBOOK_ROWS * MOST_COLUMNS

PDF = (
    "This is a PDF. A customer's own statement cannot be imported: download the organization's statement from"
    " the M-Pesa portal as CSV or Excel."
)
NOT_A_WORKBOOK = "This Excel file cannot be read. Save it again, or download the statement as CSV."
LOCKED = "This Excel file has a password. Save it without one."
TOO_LARGE = "This Excel file is too large. Download the statement as CSV, or for a shorter period."
NOT_TEXT = "This file is neither CSV nor Excel."
EMPTY = "The file is empty."

Row = tuple[int, Sequence[Cell]]
"""A row of a file: its line number (from 1), and its cells."""


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

    def sheets(self) -> Iterator[Iterator[Row]]:
        """Yield the rows of each sheet; CSV is one sheet. Raises InvalidRequest."""
        if self.container is Container.CSV:
            yield self._csv_rows()
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
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return Container.XLS
    if head.startswith(b"PK"):
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


def _check_zip(path: Path) -> None:
    """Refuse a workbook that unpacks to too much, by its directory and then by its content."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MOST_ENTRIES or sum(e.file_size for e in entries) > MOST_UNPACKED_BYTES:
                raise invalid_file(TOO_LARGE)
            if "xl/workbook.xml" not in archive.namelist():  # another format: its limits would be unknown
                raise invalid_file(NOT_A_WORKBOOK)
            for entry in entries:
                _check_entry(archive, entry)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError) as error:
        raise invalid_file(NOT_A_WORKBOOK) from error
    except RuntimeError as error:  # zipfile's error for an encrypted entry
        raise invalid_file(LOCKED) from error


def _check_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Unpack an entry piece by piece. Its real size must be the declared one, and its cells within limits."""
    cells, rest = 0, b""
    with archive.open(entry) as stream:
        while piece := stream.read(PIECE):
            cells += piece.count(b"<c")
            text = rest + piece
            rest = text[-32:]
            if cells > _CELL_LIMIT or any(map(_is_far, _FAR_CELL.finditer(text))):
                raise invalid_file(TOO_LARGE)


def _is_far(match: "re.Match[bytes]") -> bool:
    """Return whether a cell's address is beyond the limits, such as XFD1048576."""
    if match.string[match.start() - 1 : match.start()].strip():  # the end of another attribute's name
        return False
    letters, row = match[1] or match[3] or b"", int(match[2] or 0)
    column = 0
    for letter in letters:
        column = column * 26 + letter - 64
    return column > MOST_COLUMNS or row > MOST_WORKBOOK_ROWS


def _workbook_sheets(path: Path) -> Iterator[Iterator[Row]]:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        with path.open("rb") as stream, CalamineWorkbook.from_filelike(stream) as workbook:
            for index in range(min(len(workbook.sheet_names), MOST_SHEETS)):
                sheet = workbook.get_sheet_by_index(index)
                if sheet.start is not None and sheet.width <= MOST_COLUMNS:
                    yield zip(count(sheet.start[0] + 1), sheet.iter_rows())
    except PasswordError as error:
        raise invalid_file(LOCKED) from error
    except CalamineError as error:
        raise invalid_file(NOT_A_WORKBOOK) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # the library's own, for a file that it cannot handle
            raise
        raise invalid_file(NOT_A_WORKBOOK) from error
