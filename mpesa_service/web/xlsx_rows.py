"""Writes Excel workbooks piece by piece, as rows come, without a temporary file.

Each text is a text cell in a column of the format "text", so that `00123` and `1E5` stay as they are, and no
text is a formula. Whole numbers are numbers. A library would keep the whole workbook until its end.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from html import escape

ROWS_OF_SHEET = 250_000
"""Further rows follow on the next sheet. Excel's limit is 1,048,576, but a sheet must stay below 2 GiB:
beyond it the zip format needs an extension that Excel does not read in a stream."""

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_TYPES = (
    f'{_HEAD}<Types xmlns="{_PACKAGE}/content-types">'
    f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Default Extension="xml" ContentType="{_KIND}.worksheet+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_KIND}.sheet.main+xml"/>'
    f'<Override PartName="/xl/styles.xml" ContentType="{_KIND}.styles+xml"/></Types>'
)
_ROOT = (
    f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
_XF = '<xf numFmtId="{}" fontId="0" fillId="0" borderId="0"{}/>'
_AS_TEXT = ' applyNumberFormat="1"'
_STYLES = (
    f'{_HEAD}<styleSheet {_MAIN}><fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill>'
    '<fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    f'<cellStyleXfs count="1">{_XF.format(0, "")}</cellStyleXfs>'
    f'<cellXfs count="2">{_XF.format(0, "")}{_XF.format(49, _AS_TEXT)}'
    '</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    "</styleSheet>"
)
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LIKE_AN_ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
"""Excel reads `_x0041_` in a file as the letter A (ECMA-376, ST_Xstring)."""


def xlsx_parts(batches: Iterable[Iterable[Sequence[object]]]) -> Iterator[bytes]:
    """Yield the bytes of a workbook with these rows, batch by batch. None is an empty cell."""
    out = _Sink()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr("_rels/.rels", _ROOT)
        archive.writestr("xl/styles.xml", _STYLES)
        rows, count = _Rows(batches), 0
        while rows.more:
            count += 1
            with archive.open(f"xl/worksheets/sheet{count}.xml", "w") as sheet:
                sheet.write(f"{_HEAD}<worksheet {_MAIN}><sheetData>".encode())
                for batch in rows.of_sheet():
                    sheet.write("".join(map(_row, batch)).encode())
                    yield out.take()
                sheet.write(b"</sheetData></worksheet>")
        archive.writestr("xl/workbook.xml", _workbook(count))
        archive.writestr("xl/_rels/workbook.xml.rels", _relations(count))
    yield out.take()


class _Rows:
    """Rows in batches, divided into sheets. There is one sheet, also without rows."""

    def __init__(self, batches: Iterable[Iterable[Sequence[object]]]) -> None:
        self._batches = iter(batches)
        self._rest: list[Sequence[object]] = []
        self.more = True

    def of_sheet(self) -> Iterator[Sequence[Sequence[object]]]:
        left = ROWS_OF_SHEET
        while left:
            if not self._rest:
                batch = next(self._batches, None)
                if batch is None:
                    self.more = False
                    return
                self._rest = list(batch)
            yield self._rest[:left]
            taken = min(left, len(self._rest))
            self._rest, left = self._rest[taken:], left - taken


class _Sink(io.RawIOBase):
    """Collects what is written, until it is taken."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, piece: object) -> int:
        self._pieces.append(bytes(piece))  # type: ignore[call-overload]
        return len(self._pieces[-1])

    def take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _row(cells: Sequence[object]) -> str:
    return f"<row>{''.join(map(_cell, cells))}</row>"


def _cell(cell: object) -> str:
    if cell is None or cell == "":
        return "<c/>"
    if type(cell) is int:
        return f"<c><v>{cell}</v></c>"
    text = _LIKE_AN_ESCAPE.sub("_x005F_", _NOT_XML.sub("\ufffd", str(cell)))
    return f'<c s="1" t="inlineStr"><is><t xml:space="preserve">{escape(text, quote=False)}</t></is></c>'


def _workbook(count: int) -> str:
    names = (f'<sheet name="Sheet{n}" sheetId="{n}" r:id="rId{n}"/>' for n in range(1, count + 1))
    return f'{_HEAD}<workbook {_MAIN} xmlns:r="{_OFFICE}"><sheets>{"".join(names)}</sheets></workbook>'


def _relations(count: int) -> str:
    sheets = (
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, count + 1)
    )
    styles = f'<Relationship Id="rId{count + 1}" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    return f'{_HEAD}<Relationships xmlns="{_PACKAGE}/relationships">{"".join(sheets)}{styles}</Relationships>'
