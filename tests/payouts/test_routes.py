"""Payouts over the API: all or nothing, once per reference, maker-checker, and progress at any time."""

import io
from typing import Any

import pytest

from tests.payouts.support import (
    PAYBILL,
    POCHI,
    ROW,
    TILL,
    batches,
    made,
    payouts,
    post,
    post_csv,
    trail,
)
from tests.support import PHONE, Service

EMPTY = {"count": 0, "amount": 0}


class TestAsking:
    def test_one_payout_is_a_batch_of_one(self, service: Service) -> None:
        answer = post(service, {**ROW, "reference": "PAY-1", "description": "for Otieno"})
        assert answer.status_code == 201
        assert "Idempotent-Replayed" not in answer.headers
        data = answer.json["data"]
        assert (data["reference"], data["description"], data["status"]) == ("PAY-1", "for Otieno", "running")
        assert (data["rowCount"], data["totalAmount"], data["createdBy"]) == (1, 100, "amina")
        assert data["rows"].pop("waiting") == {"count": 1, "amount": 100}
        assert set(data["rows"]) == {"pending", "unknown", "succeeded", "failed", "canceled", "review"}
        assert all(share == EMPTY for share in data["rows"].values())
        assert (data["needsApproval"], data["suspensionReason"], data["secondsLeft"]) == (False, None, 1)

    def test_a_batch_of_all_types(self, service: Service) -> None:
        batch = made(service, ROW, POCHI, PAYBILL, TILL)
        stored = payouts(service)
        assert [row.type for row in stored] == ["b2c", "b2pochi", "paybill", "buy_goods"]
        assert [row.command for row in stored] == ["BusinessPayment", None, None, None]
        encryption = service.runtime.encryption
        parties = [encryption.decrypt(row.party_encrypted) for row in stored]
        assert parties == [PHONE, "254722000001", "888880", "54321"]
        assert stored[0].party_hash == encryption.blind_index("phone", PHONE)
        assert len({row.originator_conversation_id for row in stored}) == 4
        assert len({row.result_token_hash for row in stored}) == 4
        assert {row.status for row in stored} == {"waiting"}
        assert {row.next_check_at for row in stored} == {None}
        assert [trail(service, row.id) for row in stored] == [["created"]] * 4
        assert trail(service, batch) == ["created"]

    def test_the_same_again_is_the_same_batch(self, service: Service) -> None:
        body = {"reference": "PAY-1", "rows": [ROW, TILL]}
        first = post(service, body)
        other_spelling = {**ROW, "phoneNumber": "+254 712 345 678", "remarks": "Payment"}
        again = post(service, {"rows": [other_spelling, TILL], "reference": "PAY-1"}, by="otieno")
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
        assert again.json == first.json
        assert len(payouts(service)) == 2

    @pytest.mark.parametrize(
        "other", [{"rows": [TILL]}, {"rows": [ROW, TILL]}, {"rows": [ROW], "description": "x"}]
    )
    def test_another_content_needs_another_reference(self, service: Service, other: dict[str, Any]) -> None:
        made(service, ROW)
        answer = post(service, {"reference": "PAY-1", **other})
        assert (answer.status_code, answer.json["code"]) == (422, "reference_reused")
        assert len(payouts(service)) == 1

    def test_an_idempotency_key_serves_as_reference(self, service: Service) -> None:
        first, again = (post(service, ROW, Idempotency_Key='"KEY-1"') for _ in range(2))
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json["data"]["reference"] == "KEY-1"

    @pytest.mark.parametrize("headers", [{}, {"Idempotency_Key": "a/b"}, {"Idempotency_Key": "x" * 65}])
    def test_without_a_reference_nothing_is_paid(self, service: Service, headers: dict[str, str]) -> None:
        answer = post(service, ROW, **headers)
        assert (answer.status_code, answer.json["code"]) == (400, "reference_needed")
        assert batches(service) == []

    @pytest.fixture
    def no_initiator(self, service_env: dict[str, str]) -> None:
        service_env.update(MPESA_ENVIRONMENT="sandbox", MPESA_SHORTCODE="174379", MPESA_PASSKEY="x")
        service_env.update(MPESA_CONSUMER_KEY="k", MPESA_CONSUMER_SECRET="s")

    @pytest.mark.usefixtures("no_initiator")
    def test_without_an_initiator_nothing_is_stored(self, service: Service) -> None:
        answer = post(service, {**ROW, "reference": "PAY-1"})
        assert (answer.status_code, answer.json["code"]) == (503, "payouts_not_set_up")
        assert batches(service) == []


class TestAllOrNothing:
    def refused(self, service: Service, answer: Any, code: str) -> dict[str, Any]:
        assert (answer.status_code, answer.json["code"]) == (400, code), answer.json
        assert batches(service) == []
        return dict(answer.json)

    def test_every_wrong_row_is_reported(self, service: Service) -> None:
        rows = [ROW, {**ROW, "phoneNumber": "12"}, TILL, {**TILL, "amount": 1, "remarks": "x"}, ROW]
        body = self.refused(service, post(service, {"reference": "PAY-1", "rows": rows}), "invalid_rows")
        found = [(fault["row"], fault["field"]) for fault in body["details"]["rows"]]
        assert found == [(2, "phoneNumber"), (4, "amount"), (4, "remarks"), (5, "phoneNumber")]
        assert body["details"]["total"] == 4
        assert body["message"].startswith("Row 2, phoneNumber: Invalid phone number format.")

    def test_a_name_that_is_no_text(self, service: Service) -> None:
        rows = [{**ROW, "\ud800": 1}]
        body = self.refused(service, post(service, {"reference": "PAY-1", "rows": rows}), "invalid_rows")
        assert body["details"]["rows"][0]["field"] == "?"

    def test_duplicates_may_be_meant(self, service: Service) -> None:
        body = {"reference": "PAY-1", "rows": [ROW, ROW], "allowDuplicates": True}
        assert post(service, body).status_code == 201

    def test_at_most_a_thousand_faults_are_shown(self, service: Service) -> None:
        rows = [{}] * 700
        body = self.refused(service, post(service, {"reference": "PAY-1", "rows": rows}), "invalid_rows")
        assert (len(body["details"]["rows"]), body["details"]["total"]) == (1_000, 1_400)

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"rows": []}, "rows"),
            ({"rows": {}}, "rows"),
            ({"rows": None}, "rows"),
            ({"rows": [ROW], **ROW}, "amount"),
            ({"rows": [ROW], "x": 1}, "x"),
            ({"rows": [ROW], "reference": "a b"}, "reference"),
            ({"rows": [ROW], "description": "a\nb"}, "description"),
            ({"rows": [ROW], "description": "a" * 256}, "description"),
            ({"rows": [ROW], "allowDuplicates": "yes"}, "allowDuplicates"),
        ],
        ids=str,
    )
    def test_what_stands_around_the_rows(self, service: Service, body: dict[str, Any], field: str) -> None:
        answer = post(service, {"reference": "PAY-1", **body})
        code = "invalid_amount" if field == "amount" else "invalid_request"
        assert list(self.refused(service, answer, code)["details"]["fields"]) == [field]

    def test_ten_thousand_rows_and_no_more(self, service: Service) -> None:
        wrong = {**ROW, "amount": 1}
        rows = [{**ROW, "amount": 100 + number} for number in range(9_999)]
        answer = post(service, {"reference": "PAY-1", "rows": [*rows, wrong, ROW, ROW]})
        found = self.refused(service, answer, "invalid_rows")["details"]
        assert [(fault["row"], fault["field"]) for fault in found["rows"]] == [
            (10_000, "amount"),
            (10_001, "row"),
        ]
        assert found["rows"][1]["message"] == "exceeds the limit: a batch has at most 10000 rows."

    def test_a_file_of_too_many_rows_names_the_first_of_them(self, service: Service) -> None:
        lines = "".join(f"b2c,0712345678,{100 + number}\r\n" for number in range(10_001))
        body = self.refused(service, post_csv(service, "type,phoneNumber,amount\r\n" + lines), "invalid_rows")
        assert body["message"] == "Row 10001, row: exceeds the limit: a batch has at most 10000 rows."

    @pytest.fixture
    def at_most_99(self, service_env: dict[str, str]) -> None:
        service_env["PAYOUT_MAX_AMOUNT"] = "99"

    @pytest.mark.usefixtures("at_most_99")
    def test_the_configured_limits(self, service: Service) -> None:
        body = self.refused(service, post(service, {**ROW, "reference": "PAY-1"}), "invalid_rows")
        assert body["details"]["rows"][0]["message"] == "must be 10 to 99 shillings."


@pytest.fixture
def three_numbers(service_env: dict[str, str]) -> None:
    service_env.update(
        MPESA_TRANSACTION_TYPE="CustomerBuyGoodsOnline", MPESA_TILL="555555", MPESA_B2C_SHORTCODE="600000"
    )


@pytest.mark.usefixtures("three_numbers")
@pytest.mark.parametrize("number", ["174379", "555555", "600000"])
def test_a_row_that_pays_ourselves_is_refused_with_the_rest(service: Service, number: str) -> None:
    ours = {"type": "paybill", "businessNumber": number, "amount": 100, "accountReference": "X"}
    answer = post(service, {"reference": "PAY-1", "rows": [ROW, ours]})
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_rows")
    assert answer.json["details"]["rows"] == [
        {"row": 2, "field": "businessNumber", "message": "is this service's own number."}
    ]
    assert batches(service) == []


class TestBodySize:
    SIZE = 4 * 1024 * 1024

    def send(self, service: Service, size: int, path: str = "/payouts", **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {service.token('amina', 'admin')}", "Content-Type": "text/csv"}
        return service.app.test_client().post(
            f"/api/mpesa{path}", data=b"x" * size, headers={**headers, **more.pop("headers", {})}, **more
        )

    def test_this_route_takes_four_megabytes(self, service: Service) -> None:
        assert self.send(service, self.SIZE).json["code"] == "invalid_csv"
        answer = self.send(service, self.SIZE + 1)
        assert (answer.status_code, answer.json["code"]) == (413, "body_too_large")
        assert answer.json["message"] == "The body is larger than 4096 kB."

    @pytest.mark.parametrize("surplus", [0, 1])
    def test_also_in_chunks(self, service: Service, surplus: int) -> None:
        stream = io.BytesIO(b"x" * (self.SIZE + surplus))
        headers = {"Authorization": f"Bearer {service.token('amina', 'admin')}", "Content-Type": "text/csv"}
        answer = service.app.test_client().post(
            "/api/mpesa/payouts",
            input_stream=stream,
            headers={**headers, "Transfer-Encoding": "chunked"},
            environ_overrides={"wsgi.input_terminated": True},
        )
        assert answer.json["code"] == ("body_too_large" if surplus else "invalid_csv")

    @pytest.mark.parametrize("path", ["/initiate", "/payouts/x/approve", "/nowhere"])
    def test_the_others_do_not(self, service: Service, path: str) -> None:
        answer = self.send(service, 64 * 1024 + 1, path)
        assert (answer.status_code, answer.json["message"]) == (413, "The body is larger than 64 kB.")
