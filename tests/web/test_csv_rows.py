"""CSV from spreadsheets, and CSV for spreadsheets."""

import csv
import io

import pytest

from mpesa_service.domain.payouts import LongRow
from mpesa_service.errors import InvalidRequest
from mpesa_service.web.csv_rows import csv_lines, read_csv

HEAD = "type,phoneNumber,amount\n"
LINE = "b2c,0712345678,100\n"
ROW = {"type": "b2c", "phoneNumber": "0712345678", "amount": 100}


@pytest.mark.parametrize(
    "text",
    [
        HEAD + LINE,
        "\ufeff" + HEAD + LINE,
        (HEAD + LINE).replace("\n", "\r\n"),
        (HEAD + LINE).rstrip(),
        (HEAD + LINE).replace(",", ";"),
        ' type , "phoneNumber","amount"\nb2c,"0712345678"," 100 "\n',
    ],
    ids=["plain", "mark", "crlf", "no end", "semicolons", "quotes"],
)
def test_one_row_in_many_spellings(text: str) -> None:
    assert read_csv(text.encode()) == [(1, ROW)]


def test_rows_are_numbered_with_the_empty_lines_that_are_left_out() -> None:
    text = f"{HEAD}{LINE}\n,,\n , \n{LINE}"
    assert [number for number, _ in read_csv(text.encode())] == [1, 5]


def test_empty_cells_are_absent_and_short_lines_too() -> None:
    text = f"type,phoneNumber,amount,remarks,command\nb2c,0712345678,100,,\n{LINE}"
    assert [row for _, row in read_csv(text.encode())] == [ROW, ROW]


@pytest.mark.parametrize("amount", ["100.0", "1e3", "-5", "1,000", "٣", "1234567890123"])
def test_an_amount_that_is_no_whole_number_stays_as_it_is(amount: str) -> None:
    [(_, row)] = read_csv(f'{HEAD}b2c,0712345678,"{amount}"\n'.encode())
    assert row["amount"] == amount


def test_no_rows_are_no_fault_of_the_file() -> None:
    assert read_csv(HEAD.encode()) == []


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\xff\xfe", "The body is not CSV in UTF-8."),
        (HEAD.encode() + b'"b2c', "The body is not CSV in UTF-8."),
        (HEAD.encode() + b"x" * 200_000, "The body is not CSV in UTF-8."),
        (b"type,phone\nb2c,1\n", "The first line must contain column names"),
        (b"type,type\nb2c,b2c\n", "The first line must contain column names"),
        (b"\n" + LINE.encode(), "The first line must contain column names"),
    ],
)
def test_what_is_no_list_of_rows(raw: bytes, sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence) as caught:
        read_csv(raw)
    assert caught.value.code == "invalid_csv"


def test_a_row_of_too_many_cells_is_known_as_such() -> None:
    found = read_csv(f"{HEAD}b2c,0712345678,100,more\n{LINE}".encode())
    assert found == [(1, ROW), (2, ROW)]
    assert [type(row) for _, row in found] == [LongRow, dict]


def test_no_cell_is_taken_for_a_formula() -> None:
    cells = ["=1+1", "+254", "-1", "@x", "\ttab", "plain", None, 7, 'a "b", c']
    [line] = csv_lines([cells])
    assert line.endswith("\r\n")
    [found] = csv.reader(io.StringIO(line))
    assert found == ["'=1+1", "'+254", "'-1", "'@x", "'\ttab", "plain", "", "7", 'a "b", c']
