"""Workbooks: two libraries read what was written, cell by cell."""

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from mpesa_service.web import xlsx_rows
from mpesa_service.web.xlsx_rows import xlsx_parts

TEXTS = [
    "00123",
    "1E5",
    "=1+1",
    "+254",
    "-1",
    "@x",
    " a ",
    "a\nb",
    "<&>\"'",
    "JOSÉ ☃ 😀",
    "TRUE",
]


def sheets(*batches: Sequence[Sequence[object]]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the sheets as openpyxl reads them; calamine must read the same texts."""
    raw = b"".join(xlsx_parts(batches))
    book = openpyxl.load_workbook(io.BytesIO(raw))
    found = {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}
    other = CalamineWorkbook.from_filelike(io.BytesIO(raw))
    assert other.sheet_names == list(found)
    return found


def test_texts_are_text_cells_and_numbers_are_numbers() -> None:
    raw = b"".join(xlsx_parts([[TEXTS], [[5, None, "", 0]]]))
    [sheet] = openpyxl.load_workbook(io.BytesIO(raw))
    first, second = sheet.iter_rows()
    assert [(cell.data_type, cell.number_format) for cell in first] == [("s", "@")] * len(TEXTS)
    assert [cell.value for cell in second][:4] == [5, None, None, 0]
    assert [cell.value for cell in first] == TEXTS
    [rows] = [CalamineWorkbook.from_filelike(io.BytesIO(raw)).get_sheet_by_index(0).to_python()]
    assert rows[0][:6] == TEXTS[:6]
    assert rows[1][:4] == [5, "", "", 0]


def test_what_excel_would_read_as_an_escape_is_escaped() -> None:
    raw = b"".join(xlsx_parts([[["_x0041_", "_x41_", "a_b"]]]))
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert ">_x005F_x0041_<" in sheet
    assert ">_x41_<" in sheet
    assert ">a_b<" in sheet


def test_signs_that_no_workbook_has_are_replaced() -> None:
    assert sheets([["a\0b\x1f", "\ud800", "\uffff"]]) == {"Sheet1": [("a\ufffdb\ufffd", "\ufffd", "\ufffd")]}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20), min_size=1))
def test_any_text_survives(texts: list[str]) -> None:
    texts = [text.replace("\ufffe", "").replace("\uffff", "") or "x" for text in texts]
    raw = b"".join(xlsx_parts([[texts]]))
    [sheet] = openpyxl.load_workbook(io.BytesIO(raw))
    assert [cell.value for cell in next(iter(sheet.iter_rows()))] == texts


def test_a_workbook_without_rows_is_one() -> None:
    assert sheets() == {"Sheet1": []}


def test_many_rows_continue_on_the_next_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_rows, "ROWS_OF_SHEET", 4)
    found = sheets(*[[(f"{batch}-{row}",) for row in range(3)] for batch in range(3)])
    assert [len(rows) for rows in found.values()] == [4, 4, 1]
    assert [row[0] for rows in found.values() for row in rows] == [
        f"{b}-{r}" for b in range(3) for r in range(3)
    ]


def test_rows_come_as_they_are_written() -> None:
    def endless() -> Any:
        while True:
            yield [["x" * 1_000, str(id(object()))]] * 100

    parts = xlsx_parts(endless())
    assert sum(len(next(parts)) for _ in range(50)) > 1_000
