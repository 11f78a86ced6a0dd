"""The statement as a workbook, in large, and from the command line."""

import csv
import importlib
import io
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import requests
from python_calamine import CalamineWorkbook

from daraja_simulator import SimulatorServer, SimulatorState
from daraja_simulator.command_line import main
from daraja_simulator.errors import ControlError
from daraja_simulator.ledger import Cause
from daraja_simulator.statement.files import as_workbook

from .receiver import Receiver
from .shop import PHONE, Shop
from .test_statement import busy_day, fetched, lines_of

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def xlsx_rows(content: bytes) -> list[list[Any]]:
    page = openpyxl.load_workbook(io.BytesIO(content), read_only=True).active
    assert page is not None
    return [["" if cell is None else cell for cell in row] for row in page.iter_rows(values_only=True)]


def calamine_rows(content: bytes) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


def as_text(cell: Any) -> str:
    return cell if isinstance(cell, str) else f"{Decimal(str(cell)):,.2f}"


def without_time_of_report(rows: list[list[str]]) -> list[list[str]]:
    return [row for row in rows if row[0] != "Operator:"]


@pytest.mark.parametrize("shape", ["A", "B", "C", "D", "F"])
def test_a_workbook_has_the_cells_of_the_csv(shop: Shop, shape: str) -> None:
    busy_day(shop)
    today = shop.simulator.get("/simulator/clock")["now"][:10]
    wanted = without_time_of_report(lines_of(shop, shape=shape, to=today))
    xlsx, xls = (fetched(shop, shape=shape, to=today, format=kind) for kind in ("xlsx", "xls"))
    assert (xlsx.headers["Content-Type"], xls.headers["Content-Type"]) == (XLSX, "application/vnd.ms-excel")
    assert xlsx.content[:2] == b"PK"
    assert xls.content[:4] == bytes.fromhex("d0cf11e0")
    for rows in (xlsx_rows(xlsx.content), calamine_rows(xls.content)):
        shown = without_time_of_report([[as_text(cell) for cell in row] for row in rows])
        longest = max(map(len, wanted))
        padded = [[*line, *[""] * (longest - len(line))] for line in wanted]
        assert [[*row, *[""] * (longest - len(row))] for row in shown] == padded


def test_amounts_are_numbers_or_texts(shop: Shop) -> None:
    busy_day(shop)
    numbers = calamine_rows(fetched(shop, format="xls").content)
    assert numbers[-1][5] == 1500.5
    assert xlsx_rows(fetched(shop, format="xlsx", cells="text").content)[-1][5] == "1,500.50"
    assert xlsx_rows(fetched(shop, format="xlsx", shape="B").content)[-1][4] == "1,500.50"


def test_the_sheet_of_shape_c_has_the_name_of_the_file(shop: Shop) -> None:
    shop.pay_by_c2b()
    answer = fetched(shop, shape="C", format="xlsx")
    name = answer.headers["Content-Disposition"].split('"')[1].removesuffix(".xlsx")
    assert openpyxl.load_workbook(io.BytesIO(answer.content)).sheetnames == [name]
    other = fetched(shop, shape="A", format="xls")
    assert CalamineWorkbook.from_filelike(io.BytesIO(other.content)).sheet_names == ["transaction"]


@pytest.mark.parametrize(("kind", "library"), [("xls", "xlwt"), ("xlsx", "openpyxl")])
def test_without_the_library_the_error_names_the_extra(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, kind: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    answer = fetched(shop, format=kind)
    assert answer.status_code == 501
    assert answer.json()["error"].startswith(f"{kind} needs {library}: install the extra 'simulator'")
    assert fetched(shop).status_code == 200


def test_an_xls_has_at_most_65536_rows() -> None:
    importlib.import_module("xlwt")
    with pytest.raises(ControlError, match="xls holds 65,536 rows and this has 65,537; use csv"):
        as_workbook("xls", "transaction", [], 65_537, numbers=True)


def with_payments(state: SimulatorState, count: int) -> None:
    """Enter payments directly into the ledger, which is faster than to make them."""
    customer = state.add_customer(PHONE, balance=10 * count)
    for number in range(count):
        refs = {"billRefNumber": f"INV-{number}"}
        state.ledger.debit_customer(customer, 10, Cause("c2b", state.now(), refs, "174379", "paybill"))


@pytest.mark.parametrize(
    ("kind", "read", "count"),
    [("csv", None, 30_000), ("xlsx", calamine_rows, 5_000), ("xls", calamine_rows, 10_000)],
)
def test_many_rows(shop: Shop, kind: str, read: Any, count: int) -> None:
    with_payments(shop.simulator.state, count)
    answer = fetched(shop, format=kind)
    lines = read(answer.content) if read else list(csv.reader(io.StringIO(answer.text, newline="")))
    assert len(lines) == count + 7
    assert lines[7][12] == f"INV-{count - 1}"
    assert lines[3][4] == f"{100_000_000 + 10 * count:,}.00"


def run(simulator: SimulatorServer, *arguments: str) -> int:
    return main(["statement", "--url", simulator.url, *arguments])


def test_the_command_saves_the_file(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.pay_by_c2b(amount=10)
    monkeypatch.chdir(tmp_path)
    assert run(shop.simulator) == 0
    assert capsys.readouterr().out == "transaction 174379 Utility Account.csv\n"
    saved = (tmp_path / "transaction 174379 Utility Account.csv").read_bytes()
    assert b"Acc. INV-7" in saved
    given = ["--shape", "B", "--format", "xlsx", "--output", str(tmp_path / "my.xlsx")]
    assert run(shop.simulator, *given, "--from", "2020-01-01", "--account", "utility") == 0
    assert len(xlsx_rows((tmp_path / "my.xlsx").read_bytes())) == 2
    assert run(shop.simulator, "--currency", "--failed", "--linked", "--output", str(tmp_path)) == 0
    assert b"Currency" in (tmp_path / "transaction 174379 Utility Account.csv").read_bytes()


def test_the_command_prints_the_file(shop: Shop, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    shop.pay_by_c2b(amount=10)
    assert run(shop.simulator, "--output", "-", "--shape", "F") == 0
    assert b",Completed,0,10.00,100000010.00\r\n" in capfdbinary.readouterr().out


def test_the_command_says_what_is_wrong(
    shop: Shop, receiver: Receiver, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(shop.simulator, "--account", "pocket") == 1
    assert capsys.readouterr().err.startswith("account must be one of")
    assert main(["statement", "--url", "http://127.0.0.1:1"]) == 1
    assert capsys.readouterr().err == "No simulator answers at http://127.0.0.1:1: ConnectionError\n"
    assert run(shop.simulator, "--output", str(tmp_path / "missing" / "x.csv")) == 1
    assert capsys.readouterr().err.startswith("Cannot write the file: ")
    assert main(["statement", "--url", receiver.url]) == 1
    assert "status 501; is it a simulator?" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["statement", "--help"])
    assert "--shape" in capsys.readouterr().out


def test_the_help_page_links_every_file(shop: Shop) -> None:
    page = shop.call("GET", "/simulator/").text
    for shape in "ABCDF":
        for kind in ("csv", "xls", "xlsx"):
            link = f"/simulator/statement?shape={shape}&amp;format={kind}"
            assert link in page
            address = link.replace("&amp;", "&")
            assert requests.get(shop.simulator.url + address, timeout=30).status_code == 200
