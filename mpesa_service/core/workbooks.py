"""Reads the cells of Excel workbooks that strangers may have made.

A workbook is limited before it is unpacked: a small file can unpack to gigabytes, or name one cell at the end
of a sheet that has room for billions.
"""

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import count
from typing import BinaryIO

XLS_START = b"\xd0\xcf\x11\xe0"
XLSX_START = b"PK"
PIECE = 1024 * 1024

_FAR_CELL = re.compile(rb'r="(?:([A-Z]{1,3})?(\d{6,})|([A-Z]{2,3})\d{1,5})"')

Row = tuple[int, Sequence[object]]
"""A row of a sheet: its number (from 1), and its cells: texts, numbers, dates, truth values or None."""


class Why(Enum):
    """Why a workbook is not read."""

    UNREADABLE = "unreadable"
    LOCKED = "locked"
    TOO_LARGE = "too large"


class WorkbookRefused(Exception):
    """A workbook that cannot or may not be read."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True)
class WorkbookLimits:
    """The largest workbook that is read. One with more sheets, or wider ones, is refused."""

    unpacked_bytes: int
    rows: int
    columns: int
    entries: int = 1_000
    sheets: int = 20

    @property
    def cells(self) -> int:
        return self.rows * self.columns


def check_xlsx(source: BinaryIO, limits: WorkbookLimits) -> None:
    """Check that a workbook unpacks to little, by its directory and then by its content.

    Raises WorkbookRefused.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
            unpacked = sum(entry.file_size for entry in entries)
            if len(entries) > limits.entries or unpacked > limits.unpacked_bytes:
                raise WorkbookRefused(Why.TOO_LARGE)
            if "xl/workbook.xml" not in archive.namelist():  # another format: its limits would be unknown
                raise WorkbookRefused(Why.UNREADABLE)
            for entry in entries:
                _check_entry(archive, entry, limits)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, OSError) as error:
        raise WorkbookRefused(Why.UNREADABLE) from error
    except RuntimeError as error:  # zipfile's error for an encrypted entry
        raise WorkbookRefused(Why.LOCKED) from error


def _check_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: WorkbookLimits) -> None:
    """Unpack an entry piece by piece. Its real size must be the declared one, and its cells within limits."""
    cells, rest = 0, b""
    with archive.open(entry) as stream:
        while piece := stream.read(PIECE):
            cells += piece.count(b"<c")
            text = rest + piece
            rest = text[-32:]
            if cells > limits.cells or any(_is_far(far, limits) for far in _FAR_CELL.finditer(text)):
                raise WorkbookRefused(Why.TOO_LARGE)


def _is_far(match: "re.Match[bytes]", limits: WorkbookLimits) -> bool:
    """Return whether a cell's address is beyond the limits, such as XFD1048576."""
    if match.string[match.start() - 1 : match.start()].strip():  # the end of another attribute's name
        return False
    letters, row = match[1] or match[3] or b"", int(match[2] or 0)
    column = 0
    for letter in letters:
        column = column * 26 + letter - 64
    return column > limits.columns or row > limits.rows


def sheets(source: BinaryIO, limits: WorkbookLimits) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield the name and the rows of each sheet that has cells. Raises WorkbookRefused."""
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        with CalamineWorkbook.from_filelike(source) as workbook:
            _refuse_over(len(workbook.sheet_names), limits.sheets)
            for index, name in enumerate(workbook.sheet_names):
                sheet = workbook.get_sheet_by_index(index)
                if sheet.start is None:
                    continue
                _refuse_over(sheet.width, limits.columns)
                yield name, zip(count(sheet.start[0] + 1), sheet.iter_rows(), strict=False)
    except PasswordError as error:
        raise WorkbookRefused(Why.LOCKED) from error
    except CalamineError as error:
        raise WorkbookRefused(Why.UNREADABLE) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # the library's own, for a file that it cannot handle
            raise
        raise WorkbookRefused(Why.UNREADABLE) from error


def _refuse_over(size: int, most: int) -> None:
    if size > most:
        raise WorkbookRefused(Why.TOO_LARGE)
