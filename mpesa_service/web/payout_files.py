"""Opens files of payouts: CSV and text as spreadsheets save them, and Excel workbooks."""

import codecs
import csv
import io
from collections.abc import Sequence

from mpesa_service.core.workbooks import (
    XLS_START,
    XLSX_START,
    Why,
    WorkbookLimits,
    WorkbookRefused,
    check_xlsx,
    sheets,
)
from mpesa_service.domain.payout_files import FileRows, count_of_names, invalid_file, rows_of
from mpesa_service.domain.payouts import MAX_ROWS

EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILE_TYPES = ("text/csv", "text/tab-separated-values", EXCEL, "application/vnd.ms-excel")
"""Content types of a file. Its content decides what it is: Windows calls a CSV file `vnd.ms-excel`."""

_LIMITS = WorkbookLimits(unpacked_bytes=64 * 1024 * 1024, rows=MAX_ROWS * 2, columns=40)
_DELIMITERS = (",", ";", "\t")
_HINT = "sep="
"""Excel's own first line, which names the delimiter."""
EMPTY = "The file is empty."
NOT_TEXT = "The file is neither CSV nor Excel."
NOT_A_WORKBOOK = "This Excel file cannot be read. Save it again, or as CSV."
LOCKED = "This Excel file has a password. Save it without one."
TOO_LARGE = "This Excel file is too large. Delete its empty rows and columns, or save it as CSV."
OTHER_SHEETS = "Only the sheet {} was read. These have cells as well: {}."


def read_payout_file(raw: bytes) -> FileRows:
    """Return the rows of a file: CSV, tab-separated text, xlsx or xls, by its content.

    Text may be UTF-8, UTF-16 with a byte order mark, or cp1252, with commas, semicolons or tabs, and with any
    line ends. Raises InvalidRequest.
    """
    if raw.startswith((XLS_START, XLSX_START)):
        return _of_workbook(raw)
    table = _table_of_text(_decoded(raw))
    if not table:
        raise invalid_file(EMPTY)
    return rows_of(table)


def _decoded(raw: bytes) -> str:
    utf16 = raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "cp1252"):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise invalid_file(NOT_TEXT)


def _table_of_text(text: str) -> list[list[str]]:
    head = text.partition("\n")[0].strip()
    if head.lower().startswith(_HINT) and len(head) == len(_HINT) + 1:
        delimiter, text = head[-1], text.partition("\n")[2]
    else:
        delimiter = max(_DELIMITERS, key=lambda mark: count_of_names(head.replace('"', "").split(mark)))
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        return list(lines)
    except csv.Error as error:
        raise invalid_file(f"Line {lines.line_num + 1} of the file is not CSV.") from error


def _of_workbook(raw: bytes) -> FileRows:
    """Return the rows of the first sheet that has cells."""
    refusals = {Why.TOO_LARGE: TOO_LARGE, Why.LOCKED: LOCKED, Why.UNREADABLE: NOT_A_WORKBOOK}
    try:
        if raw.startswith(XLSX_START):
            check_xlsx(io.BytesIO(raw), _LIMITS)
        found: dict[str, Sequence[Sequence[object]]] = {}
        for name, rows in sheets(io.BytesIO(raw), _LIMITS):
            found[name] = () if found else [cells for _, cells in rows]
    except WorkbookRefused as error:
        raise invalid_file(refusals[error.why]) from error
    if not found:
        raise invalid_file(EMPTY)
    first, *others = found
    made = rows_of(found[first])
    others_have = [OTHER_SHEETS.format(first, ", ".join(others))] if others else []
    return FileRows(made, [*made.warnings, *others_have])
