"""Batches of payouts from files, over the API."""

from typing import ClassVar

import pytest

from mpesa_service.domain.payouts import SHORTENED
from mpesa_service.web.payout_files import FILE_TYPES
from tests.payouts.support import ROW, batches, payouts, post, post_csv
from tests.support import Service
from tests.web.test_payout_files import NAMES, as_xlsx


class TestFiles:
    HEAD = "type,phoneNumber,businessNumber,amount,accountReference,remarks\r\n"
    LINES: ClassVar = ["b2c,0712345678,,100,EMP-1,\r\n", "paybill,,888880,500,METER-1,Tokens\r\n"]

    def test_a_file_is_a_batch(self, service: Service) -> None:
        query = "reference=PAY-1&description=Salaries%20of%20November"
        answer = post_csv(service, self.HEAD + "".join(self.LINES), query)
        assert answer.status_code == 201, answer.json
        assert answer.json["data"]["description"] == "Salaries of November"
        first, second = payouts(service)
        accounts = [
            service.runtime.encryption.decrypt(row.account_reference_encrypted) for row in (first, second)
        ]
        assert accounts == ["EMP-1", "METER-1"]
        assert (first.type, first.amount, first.remarks) == ("b2c", 100, "Payment")
        assert (second.type, second.remarks) == ("paybill", "Tokens")

    def test_the_same_rows_as_json_are_the_same_batch(self, service: Service) -> None:
        post_csv(service, "type,phoneNumber,amount\nb2c,0712345678,100\n")
        assert post(service, {"reference": "PAY-1", "rows": [ROW]}).status_code == 200

    def test_a_large_file(self, service: Service) -> None:
        lines = "".join(f"b2c,07{number:08},,10,EMP-{number},{'r' * 50}\r\n" for number in range(1_000))
        assert len(lines) > 64 * 1024
        answer = post_csv(service, self.HEAD + lines)
        assert (answer.status_code, answer.json["data"]["rowCount"]) == (201, 1_000)

    def test_faults_name_the_row_below_the_head(self, service: Service) -> None:
        answer = post_csv(service, self.HEAD + self.LINES[0] + "\r\n" + "b2c,07x,,1e3,,\r\n")
        found = [(fault["row"], fault["field"]) for fault in answer.json["details"]["rows"]]
        assert (answer.json["code"], found) == ("invalid_rows", [(3, "amount"), (3, "phoneNumber")])

    def test_a_row_of_too_many_cells_is_reported_with_the_others(self, service: Service) -> None:
        text = self.HEAD + "b2c,07x,,1e3,,\r\n" + "b2c,0712345678,,1,,,more\r\n" + self.LINES[0]
        answer = post_csv(service, text)
        found = [(fault["row"], fault["field"]) for fault in answer.json["details"]["rows"]]
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_rows")
        assert found == [(1, "amount"), (1, "phoneNumber"), (2, "amount"), (2, "row")]
        assert answer.json["details"]["rows"][3]["message"] == "has more cells than the file has columns."
        assert batches(service) == []

    def test_duplicates_may_be_meant(self, service: Service) -> None:
        text = self.HEAD + self.LINES[0] * 2
        assert post_csv(service, text).json["code"] == "invalid_rows"
        assert post_csv(service, text, "reference=PAY-1&allowDuplicates=true").status_code == 201

    @pytest.mark.parametrize(
        ("text", "query", "code"),
        [
            (HEAD, "reference=PAY-1", "invalid_request"),
            ("", "reference=PAY-1", "invalid_csv"),
            (HEAD + LINES[0], "", "reference_needed"),
            (HEAD + LINES[0], "reference=PAY-1&dryRun=1", "invalid_request"),
            (HEAD + LINES[0], "reference=PAY-1&reference=PAY-2", "invalid_request"),
        ],
    )
    def test_faults_around_the_rows(self, service: Service, text: str, query: str, code: str) -> None:
        answer = post_csv(service, text, query)
        assert (answer.status_code, answer.json["code"]) == (400, code)
        assert batches(service) == []

    @pytest.mark.parametrize("kind", FILE_TYPES)
    def test_the_content_decides_what_a_file_is(self, service: Service, kind: str) -> None:
        workbook = as_xlsx(NAMES, ("paybill", None, "888880", "1,500.00", "00123"))
        text = "Type\tBusiness Number\tAmount\tAccount Reference\t\nPayBill\t888880\t1500.00\t00123\t\n"
        for raw in (workbook, text.encode("cp1252")):
            answer = post_csv(service, raw, kind=kind)
            assert answer.status_code in {200, 201}, answer.json
            assert answer.json["data"]["warnings"] == []
        [row] = payouts(service)
        assert (row.amount, row.type) == (1500, "paybill")
        assert service.runtime.encryption.decrypt(row.account_reference_encrypted) == "00123"

    def test_a_stripped_column_is_paid_with_a_warning(self, service: Service) -> None:
        text = "type,businessNumber,amount,accountReference\npaybill,888880,100,12\npaybill,888880,100,345\n"
        first, again = post_csv(service, text), post_csv(service, text)
        assert (first.status_code, again.status_code) == (201, 200)
        [warning] = first.json["data"]["warnings"]
        assert warning.startswith("accountReference: all values are numbers of different lengths")
        assert again.json == first.json

    def test_a_shortened_phone_number_is_refused_with_its_reason(self, service: Service) -> None:
        answer = post_csv(service, self.HEAD + "b2c,2.54712E+11,,100,,\r\n")
        assert answer.json["details"]["rows"] == [
            {"row": 1, "field": "phoneNumber", "message": SHORTENED},
        ]
        assert batches(service) == []

    def test_other_types_are_refused(self, service: Service) -> None:
        headers = {"Authorization": f"Bearer {service.token('amina', 'admin')}", "Content-Type": "text/plain"}
        answer = service.app.test_client().post("/api/mpesa/payouts", data=self.HEAD, headers=headers)
        assert (answer.status_code, answer.json["code"]) == (415, "unsupported_media_type")
