"""Bad input is refused before anything is written."""

from typing import ClassVar

import pytest

from tests.support import Service


class TestBadInput:
    """A clear 4xx in the one shape, and nothing changes."""

    GOOD: ClassVar = {"orderId": "ORDER1", "amount": 100, "phoneNumber": "0712345678"}

    def send(self, service: Service, body: bytes, content_type: str = "application/json"):
        headers = {"Authorization": f"Bearer {service.token()}", "Content-Type": content_type}
        return service.app.test_client().post("/api/mpesa/initiate", data=body, headers=headers)

    def refused(self, service: Service, answer) -> dict:
        assert 400 <= answer.status_code < 500, answer.data
        assert set(answer.json) - {"details"} == {"error", "message", "code", "requestId"}
        assert service.payments() == []
        assert service.ledger()["prompts"] == []
        return dict(answer.json)

    @pytest.mark.parametrize(
        "phone", ["123456", "255712345678", "2540712345678", "07123abcde", "٠٧١٢٣٤٥٦٧٨", "", None, 712345678]
    )
    def test_phones(self, service: Service, phone) -> None:
        body = self.refused(service, service.call("POST", "/initiate", {**self.GOOD, "phoneNumber": phone}))
        assert body["code"] == "invalid_phone_number"
        assert body["message"] == "Invalid phone number format. Use 254XXXXXXXXX, 0XXXXXXXXX, or XXXXXXXXX"

    @pytest.mark.parametrize(
        "amount",
        [
            *("10.5", '"10.5"', "10.00000000000000000001", "0.99999999999999999999"),
            *('"1e3"', "1e3", "1e400", '"1,000"', '" 10"', '"+10"', '"10."', '".0"', '"٣"'),
            *("true", "NaN", "-1", "-1.0", '"-1"', "0", "0.0", '"0"', "null", '""'),
            *("70001", "70001.0", '"70001.00"', "1" + "0" * 400),
        ],
    )
    def test_amounts(self, service: Service, amount: str) -> None:
        raw = f'{{"orderId":"ORDER1","amount":{amount},"phoneNumber":"0712345678"}}'.encode()
        answer = self.send(service, raw)
        assert answer.status_code == 400
        body = self.refused(service, answer)
        assert body["code"] in {"invalid_amount", "invalid_json"}

    @pytest.mark.parametrize("amount", ["100.0", "100.000", '"100"', '"100.0"', '"100.00"'])
    def test_whole_amounts_in_other_spellings_are_accepted(self, service: Service, amount: str) -> None:
        raw = f'{{"orderId":"ORDER1","amount":{amount},"phoneNumber":"0712345678"}}'.encode()
        assert self.send(service, raw).json["data"]["payment"]["amount"] == 100
        assert [payment.amount for payment in service.payments()] == [100]
        [prompt] = service.ledger()["prompts"]
        assert prompt["amount"] == 100

    def test_the_spelling_of_an_amount_is_not_another_request(self, service: Service) -> None:
        headers = {"Authorization": f"Bearer {service.token()}", "Idempotency-Key": "KEY-1"}
        answers = [
            service.app.test_client().post(
                "/api/mpesa/initiate", json={**self.GOOD, "amount": amount}, headers=headers
            )
            for amount in (100, 100.0, "100.00")
        ]
        assert [answer.status_code for answer in answers] == [201, 201, 201]
        assert len(service.payments()) == 1

    def test_numbers_in_metadata_stay_numbers(self, service: Service) -> None:
        metadata = {"rate": 10.5, "whole": 2.0, "large": 1e300, "list": [0.1]}
        answer = service.call("POST", "/initiate", {**self.GOOD, "metadata": metadata})
        assert answer.json["data"]["payment"]["metadata"] == metadata

    @pytest.mark.parametrize("order", ["", "a" * 65, "a ", "a//b", "../a", "é", 7, None, "a\n"])
    def test_order_ids(self, service: Service, order) -> None:
        body = self.refused(service, service.call("POST", "/initiate", {**self.GOOD, "orderId": order}))
        assert body["code"] == "invalid_order_id"

    def test_missing_and_unknown_fields_are_all_named(self, service: Service) -> None:
        body = self.refused(service, service.call("POST", "/initiate", {"status": "succeeded"}))
        assert set(body["details"]["fields"]) == {"orderId", "amount", "phoneNumber", "status"}

    @pytest.mark.parametrize(
        ("raw", "status"),
        [
            (b"", 400),
            (b"{", 400),
            (b"[]", 400),
            (b'"text"', 400),
            (b"null", 400),
            (b"\xff", 400),
            (b"[" * 30_000, 400),
            (b'{"a":' * 10_000, 400),
            (b'{"\\ud800":1}', 400),
            (b'{"orderId":"A","orderId":"B","amount":1,"phoneNumber":"0712345678"}', 400),
            (b" " * 65_537, 413),
        ],
        ids=range(11),
    )
    def test_bodies(self, service: Service, raw: bytes, status: int) -> None:
        answer = self.send(service, raw)
        self.refused(service, answer)
        assert answer.status_code == status

    @pytest.mark.parametrize(
        "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
    )
    def test_content_types(self, service: Service, kind: str) -> None:
        answer = self.send(service, b'{"orderId":"ORDER1","amount":100,"phoneNumber":"0712345678"}', kind)
        assert answer.status_code == 415
        assert self.refused(service, answer)["code"] == "unsupported_media_type"

    def test_deep_metadata(self, service: Service) -> None:
        metadata: dict = {}
        for _ in range(6):
            metadata = {"deeper": metadata}
        body = self.refused(service, service.call("POST", "/initiate", {**self.GOOD, "metadata": metadata}))
        assert "nested" in body["message"]

    @pytest.mark.parametrize("amount", [0, -5, 1.5, "1.5", True, None])
    def test_refund_amounts(self, service: Service, amount) -> None:
        checkout = service.paid()
        answer = service.call("POST", f"/{checkout}/refund", {"amount": amount}, by="boss", admin=True)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_amount")
        assert service.refunds() == []

    def test_a_reference_of_any_shape_is_just_not_found(self, service: Service) -> None:
        for reference in ("%00", "x" * 2000, "'; DROP TABLE payments;--", "..%2f..", "☃"):
            assert service.call("GET", f"/query/{reference}").status_code == 404
            assert service.call("GET", f"/order/{reference}").status_code == 404
