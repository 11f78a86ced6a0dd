"""Payout batches over the API: shown and listed."""

import csv
import io

import openpyxl
import pytest

from mpesa_service.payouts import views
from mpesa_service.payouts.schemas import RESULT_COLUMNS
from mpesa_service.web.file_formats import TYPES, XLSX
from tests.payouts.support import (
    PAYBILL,
    POCHI,
    ROW,
    TILL,
    act,
    look,
    made,
)
from tests.support import Service


class TestLooking:
    def test_batches_are_listed_latest_first_in_pages(self, service: Service) -> None:
        ids = []
        for number in range(3):
            service.clock.advance(1)
            ids.insert(0, made(service, reference=f"PAY-{number}"))
        act(service, ids[1], "pause")

        def listed(query: str = "") -> list[str]:
            answer = look(service, query)
            assert answer.status_code == 200
            return [batch["_id"] for batch in answer.json["data"]]

        assert listed() == ids
        assert listed("?limit=2") == ids[:2]
        assert listed(f"?before={ids[1]}") == ids[2:]
        assert listed("?status=paused") == [ids[1]]
        assert look(service, "?status=nothing").status_code == 400

    def test_rows_are_listed_in_their_order_in_pages(self, service: Service) -> None:
        batch = made(service, ROW, TILL, POCHI)

        def listed(query: str = "") -> list[int]:
            answer = look(service, f"/{batch}/rows{query}")
            assert answer.status_code == 200
            return [row["row"] for row in answer.json["data"]]

        assert listed() == [1, 2, 3]
        assert listed("?limit=2") == [1, 2]
        assert listed("?limit=2&after=2") == [3]
        assert listed("?status=waiting") == [1, 2, 3]
        assert listed("?status=failed") == []
        assert look(service, f"/{batch}/rows?status=submitting").status_code == 400
        first, second, _ = look(service, f"/{batch}/rows").json["data"]
        assert (first["phoneNumber"], first["businessNumber"]) == ("254712***678", None)
        assert (second["phoneNumber"], second["businessNumber"]) == (None, "54321")
        assert (first["batchId"], first["command"], first["status"]) == (batch, "BusinessPayment", "waiting")

    def test_no_such_batch(self, service: Service) -> None:
        for path in ("", "/rows", "/result.csv", "/result.xlsx"):
            assert look(service, f"/nothing{path}").status_code == 404

    def test_a_suspension_is_shown(self, service: Service) -> None:
        from mpesa_service.core import suspensions

        batch = made(service)
        with service.runtime.database.begin() as session:
            suspensions.suspend(session, suspensions.PAYOUTS, "no money", service.clock())
        data = look(service, f"/{batch}").json["data"]
        assert (data["suspensionReason"], data["secondsLeft"]) == ("no money", None)

    def test_the_result_is_a_file(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(views, "PAGE", 2)
        batch = made(service, {**ROW, "accountReference": "=EMP", "remarks": "a, b"}, TILL, POCHI, PAYBILL)
        answer = look(service, f"/{batch}/result.csv")
        assert (answer.status_code, answer.mimetype) == (200, "text/csv")
        assert answer.headers["Content-Disposition"] == f'attachment; filename="payouts-{batch}.csv"'
        assert "Content-Length" not in answer.headers, "it is streamed"
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [(row["row"], row["type"], row["status"]) for row in rows] == [
            ("1", "b2c", "waiting"),
            ("2", "buy_goods", "waiting"),
            ("3", "b2pochi", "waiting"),
            ("4", "paybill", "waiting"),
        ]
        assert (rows[0]["phoneNumber"], rows[0]["accountReference"], rows[0]["remarks"]) == (
            "254712***678",
            "'=EMP",
            "a, b",
        )
        assert rows[1]["businessNumber"] == "54321"
        marked = look(service, f"/{batch}/result.csv?bom=true")
        assert marked.get_data() == b"\xef\xbb\xbf" + answer.get_data()
        assert look(service, f"/{batch}/result.csv?bom=x").status_code == 400

    def test_the_result_is_a_workbook(self, service: Service) -> None:
        batch = made(service, {**ROW, "accountReference": "00123"}, {**PAYBILL, "accountReference": "1E5"})
        answer = look(service, f"/{batch}/result.xlsx")
        assert (answer.status_code, answer.mimetype) == (200, TYPES[XLSX])
        assert answer.headers["Content-Disposition"] == f'attachment; filename="payouts-{batch}.xlsx"'
        [sheet] = openpyxl.load_workbook(io.BytesIO(answer.get_data()))
        head, *rows = sheet.iter_rows(values_only=True)
        assert head == RESULT_COLUMNS
        assert [(row[0], row[4], row[5]) for row in rows] == [(1, 100, "00123"), (2, 500, "1E5")]
