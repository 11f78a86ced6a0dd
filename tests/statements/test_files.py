"""Containers by their first bytes, encodings, delimiters, and files that are refused."""

import io
import zipfile
from pathlib import Path

import pytest

from mpesa_service.errors import InvalidRequest
from mpesa_service.statements import files
from mpesa_service.statements.files import Container, open_statement
from tests.statements.files import as_csv, as_xls, as_xlsx, example, portal, portal_row
from tests.statements.reading import read_file


def refusal(path: Path, name: str | None = None) -> str:
    with pytest.raises(InvalidRequest) as caught:
        read_file(path, name)
    assert caught.value.code == "invalid_statement"
    return caught.value.message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_in_the_encodings_and_delimiters_of_spreadsheets(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    rows = portal([portal_row(paid_in="1,000.00", balance="1,000.00", party="2547****5678 - JOSÉ; (x)")])
    path = as_csv(tmp_path / "any.bin", rows, delimiter=delimiter, encoding=encoding)
    [line] = read_file(path).lines
    assert (line.amount_cents, line.party) == (100_000, "2547****5678 - JOSÉ; (x)")


@pytest.mark.parametrize("write", [as_csv, as_xls, as_xlsx])
def test_the_same_rows_in_every_container(tmp_path: Path, write: object) -> None:
    found = read_file(write(tmp_path / "statement", example()))  # type: ignore[operator]
    assert [(one.receipt, one.amount_cents, one.balance_cents) for one in found.lines] == [
        ("UK2EXAMPL2", -500, 149_000),
        ("UK2EXAMPL2", 50_000, 149_500),
        ("UK1EXAMPL1", -500, 99_500),
        ("UK1EXAMPL1", 100_000, 100_000),
    ]
    assert (found.check.balanced, found.check.findings, found.unread) == (True, (), [])
    assert found.lines[0].row == 8


def test_the_statement_may_be_on_another_sheet(tmp_path: Path) -> None:
    path = as_xlsx(tmp_path / "s.xlsx", example(), sheets=("notes", "transaction"))
    assert len(read_file(path).lines) == 4


def test_a_container_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = as_xls(tmp_path / "statement.csv", example())
    assert open_statement(path, path.name).container is Container.XLS
    assert len(open_statement(path, path.name).sha256) == 64


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"a,b\0c\n", "neither CSV nor Excel"),
        (b"hello\nworld\n", "Receipt No."),
        (b"PK\x03\x04 broken", "cannot be read"),
        (b"\xd0\xcf\x11\xe0 broken", "cannot be read"),
    ],
)
def test_other_files_are_refused_in_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "statement.csv"
    path.write_bytes(content)
    assert words in refusal(path)


def test_a_long_file_is_read_piece_by_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PIECE", 64)
    rows = portal([portal_row(paid_in="5.00", party="JOSÉ"), *[portal_row(paid_in="5.00")] * 9])
    assert read_file(as_csv(tmp_path / "s", rows, encoding="cp1252")).lines[0].party == "JOSÉ"


def test_a_workbook_without_a_statement_is_refused(tmp_path: Path) -> None:
    assert "Receipt No." in refusal(as_xlsx(tmp_path / "s.xlsx", [["a"]], sheets=("empty", "other")))
    assert "too many sheets or columns" in refusal(as_xls(tmp_path / "t.xls", [["x"] * 50]))


def test_a_broken_csv_names_its_line(tmp_path: Path) -> None:
    path = as_csv(tmp_path / "s.csv", example())
    path.write_text(path.read_text() + "x" * 200_000)
    assert "is not CSV" in refusal(path)


def zipped(path: Path, **entries: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "/"), content)
    return path


def test_a_zip_that_is_no_workbook_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(zipped(tmp_path / "s.zip", text=b"hello"))


def test_a_workbook_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = as_xlsx(tmp_path / "s.xlsx", example())
    monkeypatch.setattr(files, "MOST_UNPACKED_BYTES", 1_000)
    assert "too large" in refusal(path)
    monkeypatch.setattr(files, "MOST_UNPACKED_BYTES", 10**9)
    monkeypatch.setattr(files, "MOST_ENTRIES", 1)
    assert "too large" in refusal(path)
    monkeypatch.setattr(files, "MOST_WORKBOOK_BYTES", 10)
    assert "too large" in refusal(path)


@pytest.mark.parametrize("cell", [b"XFD1", b"A1048576", b"BA12"])
def test_a_workbook_with_a_cell_far_away_is_refused(tmp_path: Path, cell: bytes) -> None:
    sheet = b'<row r="1"><c r="A1"/><c r="' + cell + b'"/></row>'
    path = zipped(tmp_path / "s.xlsx", xl__workbook_xml=b"")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", b"<workbook/>")
        archive.writestr("xl/other/s.xml", sheet)
    assert "too large" in refusal(path)


def test_a_workbook_with_too_many_cells_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_WORKBOOK_ROWS", 1)
    assert "too large" in refusal(as_xlsx(tmp_path / "s.xlsx", example()))


def test_a_declared_size_that_is_a_lie_is_refused(tmp_path: Path) -> None:
    path = as_xlsx(tmp_path / "s.xlsx", example())
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(io.BytesIO(bytes(raw))) as archive:
        size = next(e.file_size for e in archive.infolist() if "sheet1" in e.filename)
    at = raw.rfind(size.to_bytes(4, "little"))
    raw[at : at + 4] = (10).to_bytes(4, "little")
    path.write_bytes(raw)
    assert "cannot be read" in refusal(path)


def test_a_workbook_with_a_password_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = as_xlsx(tmp_path / "s.xlsx", example())
    raw = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := raw.find(mark, at + 1)) >= 0:
            raw[at + offset] |= 1
    path.write_bytes(raw)
    assert "password" in refusal(path)


def test_what_the_library_cannot_handle_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import python_calamine

    path = as_xls(tmp_path / "s.xls", example())

    class PanicException(BaseException):
        """As the library's own."""

    def fail_with(error: BaseException) -> None:
        class Workbook:
            @staticmethod
            def from_filelike(_: object) -> None:
                raise error

        monkeypatch.setattr(python_calamine, "CalamineWorkbook", Workbook)

    fail_with(PanicException())
    assert "cannot be read" in refusal(path)
    fail_with(python_calamine.PasswordError())
    assert "password" in refusal(path)
    fail_with(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        read_file(path)
