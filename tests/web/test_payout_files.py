"""Files of payouts as spreadsheets save them: encodings, delimiters, workbooks, and what is refused."""

import io
from collections.abc import Sequence
from datetime import date
from typing import Any

import openpyxl
import pytest
import xlwt

from mpesa_service.domain.payout_files import NUMBERS, STRIPPED, FileRows
from mpesa_service.domain.payouts import ChangedCell, LongRow
from mpesa_service.errors import InvalidRequest
from mpesa_service.web import payout_files
from mpesa_service.web.payout_files import read_payout_file

HEAD = "type,phoneNumber,amount\n"
LINE = "b2c,0712345678,100\n"
ROW = {"type": "b2c", "phoneNumber": "0712345678", "amount": 100}
NAMES = ("type", "phoneNumber", "businessNumber", "amount", "accountReference")


def read(text: str) -> FileRows:
    return read_payout_file(text.encode())


def rows_in(found: FileRows) -> list[Any]:
    return [row for _, row in found]


def as_xlsx(*rows: Sequence[Any], **more: Sequence[Sequence[Any]]) -> bytes:
    """Return a workbook whose first sheet has these rows; `more` names its other sheets."""
    book, out = openpyxl.Workbook(), io.BytesIO()
    assert book.active is not None
    for sheet, cells in [(book.active, rows), *((book.create_sheet(name), more[name]) for name in more)]:
        for row in cells:
            sheet.append(list(row))
    book.save(out)
    return out.getvalue()


def as_xls(*rows: Sequence[Any]) -> bytes:
    book, out = xlwt.Workbook(), io.BytesIO()
    sheet = book.add_sheet("Sheet1")
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            sheet.write(number, column, cell)
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        HEAD + LINE,
        "\ufeff" + HEAD + LINE,
        (HEAD + LINE).replace("\n", "\r\n"),
        (HEAD + LINE).replace("\n", "\r"),
        (HEAD + LINE).rstrip(),
        (HEAD + LINE).replace(",", ";"),
        (HEAD + LINE).replace(",", "\t"),
        "sep=;\r\n" + (HEAD + LINE).replace(",", ";"),
        ' type , "phoneNumber","amount"\nb2c,"0712345678"," 100 "\n',
        '"type","phoneNumber","amount"\n"b2c","0712345678","100"\n',
        "TYPE,PHONENUMBER,Amount\n" + LINE,
        "Type,Phone Number,AMOUNT\n" + LINE,
        "type,phone_number,amount\nB2C,0712345678,100\n",
        "type,phoneNumber,amount,,\nb2c,0712345678,100,,\n",
        HEAD + "b2c,0712345678,100,,,,\n",
        "type,phoneNumber,,amount\nb2c,0712345678, ,100\n",
        HEAD + "b2c,0712345678,100.00\n",
        HEAD + '"b2c","0712345678","100.0"\n',
        HEAD + "\u00a0b2c,0712345678\u00a0,100\n",
    ],
)
def test_one_row_in_many_spellings(text: str) -> None:
    assert read(text) == [(1, ROW)]
    assert read(text).warnings == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_of_spreadsheets(encoding: str, delimiter: str) -> None:
    lines = ["type,phoneNumber,amount,remarks", "b2c,0712345678,100,Müller José €"]
    raw = "\r\n".join(line.replace(",", delimiter) for line in lines).encode(encoding)
    assert rows_in(read_payout_file(raw)) == [{**ROW, "remarks": "Müller José €"}]


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        *(("1500", 1500), ("1500.00", 1500), ("1,500", 1500), ("1,500.00", 1500), ("1500.0", 1500)),
        *(("250,000", 250_000), ("1,250,000.00", 1_250_000), ("0100", 100)),
    ],
)
def test_whole_amounts(written: str, amount: int) -> None:
    assert rows_in(read(f'{HEAD}b2c,0712345678,"{written}"\n')) == [{**ROW, "amount": amount}]
    tabbed = f"{HEAD}b2c,0712345678,@\n".replace(",", "\t").replace("@", written)
    assert rows_in(read(tabbed)) == [{**ROW, "amount": amount}]


@pytest.mark.parametrize(
    "amount",
    ["100.50", "1e3", "-5", "1,50", "15,00", "1,5000", "1.500,00", "1,500.50", ",500", "KES 100", "٣"],
)
def test_an_amount_that_is_not_clear_stays_as_it_is(amount: str) -> None:
    [(_, row)] = read(f'{HEAD}b2c,0712345678,"{amount}"\n')
    assert row["amount"] == amount


def test_words_in_other_capitals() -> None:
    text = (
        "type,command,businessNumber,amount\nB2C,salarypayment,,1\nBuy Goods,,54321,2\nPAYBILL,,5,3\nx,y,,\n"
    )
    words = [(row["type"], row.get("command")) for row in rows_in(read(text))]
    assert words == [("b2c", "SalaryPayment"), ("buy_goods", None), ("paybill", None), ("x", "y")]


def test_rows_are_numbered_with_the_empty_lines_that_are_left_out() -> None:
    text = f"{HEAD}{LINE}\n,,\n , \n{LINE}"
    assert [number for number, _ in read(text)] == [1, 5]


def test_empty_cells_are_absent_and_short_lines_too() -> None:
    text = f"type,phoneNumber,amount,remarks,command\nb2c,0712345678,100,,\n{LINE}"
    assert rows_in(read(text)) == [ROW, ROW]


def test_no_rows_are_no_fault_of_the_file() -> None:
    assert read(HEAD) == []


def test_a_cell_without_a_column_name_is_known_as_such() -> None:
    found = read(f"type,phoneNumber,amount,\nb2c,0712345678,100,more\n{LINE}b2c,0712345678,100,,more\n")
    assert rows_in(found) == [ROW, ROW, ROW]
    assert [type(row) for row in rows_in(found)] == [LongRow, dict, LongRow]


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\xff\xfe", "The file is empty."),
        (b"\xff\xfeabc", "The file is neither CSV nor Excel."),
        (b"a\0b", "The file is neither CSV nor Excel."),
        (HEAD.encode() + b"\x81\x8d", "The file is neither CSV nor Excel."),
        (HEAD.encode() + b'"b2c', "Line 3 of the file is not CSV."),
        (HEAD.encode() + b"x" * 200_000, "Line 3 of the file is not CSV."),
        (b"type,phone\nb2c,1\n", "The first line must contain column names"),
        (b"type,Type\nb2c,b2c\n", "The first line must contain column names"),
        (b",,\nb2c,1,1\n", "The first line must contain column names"),
        (b"\n" + LINE.encode(), "The first line must contain column names"),
        (b"PK\x03\x04 broken", "This Excel file cannot be read."),
        (b"\xd0\xcf\x11\xe0 broken", "This Excel file cannot be read."),
        (as_xlsx(), "The file is empty."),
        (as_xlsx(("a", "b")), "The first line must contain column names"),
    ],
)
def test_what_is_no_table_of_payouts(raw: bytes, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_payout_file(raw)
    assert caught.value.code == "invalid_csv"
    assert caught.value.message.startswith(sentence)


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = payout_files.WorkbookLimits(unpacked_bytes=1_000, rows=10, columns=40)
    monkeypatch.setattr(payout_files, "_LIMITS", limits)
    with pytest.raises(InvalidRequest, match="too large"):
        read_payout_file(as_xlsx(NAMES, ("b2c", "0712345678", None, 100, None)))


@pytest.mark.parametrize("write", [as_xlsx, as_xls])
def test_a_workbook_with_texts_and_numbers(write: Any) -> None:
    found = read_payout_file(
        write(
            NAMES,
            ("b2c", 254712345678, None, 1500, "00123"),
            ("B2C", "0712 345 678", None, "1,500.00", "1E5"),
            ("paybill", None, 888880, 500.0, "0007"),
        )
    )
    assert rows_in(found) == [
        {"type": "b2c", "phoneNumber": "254712345678", "amount": 1500, "accountReference": "00123"},
        {"type": "b2c", "phoneNumber": "0712 345 678", "amount": 1500, "accountReference": "1E5"},
        {"type": "paybill", "businessNumber": "888880", "amount": 500, "accountReference": "0007"},
    ]
    assert found.warnings == ()


def test_numbers_as_account_references_lead_to_a_warning() -> None:
    found = read_payout_file(as_xlsx(NAMES, ("paybill", None, "888880", 100, 123)))
    assert rows_in(found)[0]["accountReference"] == "123"
    assert found.warnings == (NUMBERS,)


@pytest.mark.parametrize("cell", [date(2026, 2, 1), True, 12345678901234567, 0.1 + 1e16])
def test_a_cell_that_nobody_typed_is_known_as_such(cell: object) -> None:
    [row] = rows_in(read_payout_file(as_xlsx(NAMES, ("paybill", None, "888880", 100, cell))))
    assert isinstance(row["accountReference"], ChangedCell)


@pytest.mark.parametrize("cell", ["#REF!", "#N/A", "#DIV/0!", "#name?", "########"])
def test_the_error_of_a_formula_is_known_as_such(cell: str) -> None:
    [row] = rows_in(read(f"type,accountReference\npaybill,{cell}\n"))
    assert isinstance(row["accountReference"], ChangedCell)
    [row] = rows_in(read_payout_file(as_xls(NAMES, ("paybill", None, "888880", 100, cell))))
    assert isinstance(row["accountReference"], ChangedCell)


def test_a_fraction_stays_a_fraction() -> None:
    [row] = rows_in(read_payout_file(as_xlsx(NAMES, ("b2c", "0712345678", None, 100.5, None))))
    assert row["amount"] == "100.5"


def test_other_sheets_are_not_read_and_lead_to_a_warning() -> None:
    first = [("type", "phoneNumber", "amount"), ("b2c", "0712345678", 100)]
    found = read_payout_file(as_xlsx(*first, November=first, Empty=[]))
    assert rows_in(found) == [ROW]
    assert found.warnings == ("Only the sheet Sheet was read. These have cells as well: November.",)


@pytest.mark.parametrize(
    ("references", "warned"),
    [
        (("123", "4567", "89"), True),
        (("0123", "4567", "89"), False),
        (("123", "456"), False),
        (("123", "A456"), False),
        (("123", ""), False),
        ((), False),
    ],
)
def test_a_column_that_looks_stripped_leads_to_a_warning(references: tuple[str, ...], warned: bool) -> None:
    lines = "".join(f"paybill,888880,100,{reference}\n" for reference in references)
    found = read("type,businessNumber,amount,accountReference\n" + lines)
    assert found.warnings == ((STRIPPED,) if warned else ())
