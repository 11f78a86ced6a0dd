"""Exports as spreadsheets open them: a byte order mark, and a workbook whose texts stay as they are."""

import io
from typing import Any

import openpyxl
import pytest

from mpesa_service.payments.json_rows import EXPORTED
from mpesa_service.web.file_formats import TYPES, XLSX
from tests.support import Service
from tests.support.many import add_payments

MARK = b"\xef\xbb\xbf"


def export(service: Service, query: str = "", accept: str = "*/*") -> Any:
    headers = {"Authorization": f"Bearer {service.token()}", "Accept": accept}
    return service.app.test_client().get(f"/api/mpesa/payments/export{query}", headers=headers, buffered=True)


@pytest.mark.parametrize(("query", "accept"), [("?format=xlsx", "*/*"), ("", TYPES[XLSX])])
def test_texts_like_numbers_survive_in_a_workbook(service: Service, query: str, accept: str) -> None:
    ids = ["00123", "1E5", "-1", "0"]
    add_payments(service.runtime, 4, lambda n: {"order_id": ids[n], "metadata": {"note": "é ☃"}})
    answer = export(service, query, accept)
    assert (answer.status_code, answer.mimetype) == (200, TYPES[XLSX])
    assert answer.headers["Content-Disposition"].endswith('.xlsx"')
    [sheet] = openpyxl.load_workbook(io.BytesIO(answer.get_data()))
    head, *rows = sheet.iter_rows()
    names = [cell.value for cell in head]
    assert names == list(EXPORTED)
    orders = [row[names.index("orderId")] for row in rows]
    assert sorted(cell.value for cell in orders) == sorted(ids)
    assert {(cell.data_type, cell.number_format) for cell in orders} == {("s", "@")}
    listed = service.call("GET", "/payments").json["data"]
    assert [row[names.index("_id")].value for row in rows] == [one["_id"] for one in listed]
    assert [row[names.index("amount")].value for row in rows] == [one["amount"] for one in listed]
    assert rows[0][names.index("metadata")].value == '{"note": "é ☃"}'


def test_a_workbook_without_payments(service: Service) -> None:
    [sheet] = openpyxl.load_workbook(io.BytesIO(export(service, "?format=xlsx").get_data()))
    assert list(sheet.iter_rows(values_only=True)) == [EXPORTED]


@pytest.mark.parametrize(
    ("query", "accept", "marked"),
    [
        ("", "*/*", False),
        ("", "text/csv", False),
        ("", "text/csv; bom=true", True),
        ("?bom=true", "*/*", True),
        ("?format=csv&bom=true", "application/json", True),
        ("?bom=false", "text/csv; bom=true", False),
        ("?format=jsonl&bom=true", "*/*", False),
    ],
)
def test_a_byte_order_mark_on_request(service: Service, query: str, accept: str, marked: bool) -> None:
    add_payments(service.runtime, 1)
    plain = export(service, "?format=jsonl" if "jsonl" in query else "").get_data()
    answer = export(service, query, accept)
    assert answer.get_data() == (MARK if marked else b"") + plain
    assert answer.headers["Vary"] == "Accept"
