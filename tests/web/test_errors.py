"""Every error has the same shape, has Retry-After if a retry helps, and reveals no details."""

import json
import re
from typing import Any

import pytest

from mpesa_service import errors
from mpesa_service.errors import ServiceError
from tests.support import PHONE, Service
from tests.web.support import retry_after, shaped

GOOD = {"orderId": "ORDER1", "amount": 100, "phoneNumber": PHONE}


def post(service: Service, path: str = "/api/mpesa/initiate", **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {service.token()}", **more.pop("headers", {})}
    return service.app.test_client().post(path, headers=headers, **more)


CLASSES = [
    item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, ServiceError)
]


class TestTree:
    def test_each_error_says_what_it_is(self) -> None:
        assert len(CLASSES) == 13
        assert len({item.code for item in CLASSES}) == 13
        for item in CLASSES:
            assert 400 <= item.status < 600
            assert item.message.endswith((".", "XXXXXXXXX"))
            assert item().body("id") == {
                "error": item.error,
                "message": item.message,
                "code": item.code,
                "requestId": "id",
            }
            assert str(item()) == item.message

    def test_the_drawing_shows_every_error_with_its_status(self) -> None:
        drawn = dict(re.findall(r"[├└]── (\w+)(?: +(\d{3}))?", errors.__doc__ or ""))
        assert set(drawn) == {item.__name__ for item in CLASSES} - {"ServiceError"}
        for item in CLASSES:
            assert drawn.get(item.__name__, "") in {"", str(item.status)}

    def test_an_error_can_say_more(self) -> None:
        error = errors.Conflict("Taken.", code="taken", details={"id": 1}, retry_after=3)
        assert (error.status, error.retry_after) == (409, 3)
        assert error.body("r") == {
            "error": "Conflict",
            "message": "Taken.",
            "code": "taken",
            "requestId": "r",
            "details": {"id": 1},
        }

    def test_no_wait_is_not_the_standard_wait(self) -> None:
        assert errors.TryLater().retry_after == 1
        assert errors.TryLater(retry_after=0).retry_after == 0
        assert errors.Conflict().retry_after is None

    def test_details_are_left_out_when_there_are_none(self) -> None:
        assert "details" not in errors.Conflict("m").body("r")


class TestShape:
    @pytest.mark.parametrize(
        "path",
        [
            "/",
            "/nothing",
            "/api",
            "/api/mpesa",
            "/api/mpesa/nothing/at/all",
            "/api/mpesa/callback/command/result/",
        ],
    )
    def test_no_such_address(self, shop: Service, path: str) -> None:
        shaped(shop.app.test_client().get(path), 404, "not_found")

    def test_no_such_payment(self, shop: Service) -> None:
        shaped(shop.call("GET", "/query/ws_CO_1"), 404, "not_found")
        shaped(shop.call("GET", "/order/NONE"), 404, "not_found")
        shaped(shop.refund("none"), 404, "not_found")

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("GET", "/api/mpesa/initiate", {"POST", "OPTIONS"}),
            ("DELETE", "/api/mpesa/query/x", {"GET", "HEAD", "OPTIONS"}),
            ("PUT", "/api/mpesa/x/refund", {"GET", "HEAD", "POST", "OPTIONS"}),
            ("GET", "/api/mpesa/callback", {"POST", "OPTIONS"}),
        ],
    )
    def test_wrong_method(self, shop: Service, method: str, path: str, allowed: set[str]) -> None:
        answer = shop.app.test_client().open(path, method=method)
        shaped(answer, 405, "method_not_allowed")
        assert set(answer.headers["Allow"].split(", ")) == allowed

    def test_too_large(self, shop: Service) -> None:
        body = json.dumps({**GOOD, "metadata": {"k": "x" * 70_000}})
        shaped(post(shop, data=body, content_type="application/json"), 413, "body_too_large")
        shaped(shop.app.test_client().post("/api/mpesa/callback", data="x" * 70_000), 413, "body_too_large")
        shaped(shop.app.test_client().post("/api/mpesa/callback/t", data="x" * 70_000), 413, "body_too_large")

    @pytest.mark.parametrize(
        "kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""]
    )
    def test_wrong_type(self, shop: Service, kind: str) -> None:
        answer = post(shop, data=json.dumps(GOOD), content_type=kind)
        shaped(answer, 415, "unsupported_media_type")
        assert shop.payments() == []

    @pytest.mark.parametrize(
        "text",
        [
            b"{",
            b"nonsense",
            b"{'orderId': 1}",
            b'{"orderId": NaN}',
            b'{"amount": Infinity}',
            b'{"amount": 1, "amount": 2}',
            b'{"a":"\xff"}',
            b"[" * 60_000,
            b'{"a":' * 10_000,
            b"9" * 5_000,
            b"\x00",
            b'{"orderId": "A"} {}',
        ],
        ids=lambda text: text[:12],
    )
    def test_no_json(self, shop: Service, text: bytes) -> None:
        shaped(post(shop, data=text, content_type="application/json"), 400, "invalid_json")

    @pytest.mark.parametrize(
        ("text", "cause"),
        [
            (b'{"amount": 1, "amount": 2}', 'the field "amount" occurs twice.'),
            (b'{"amount": NaN}', "NaN is not a JSON number."),
        ],
        ids=["twice", "NaN"],
    )
    def test_the_cause_of_no_json(self, shop: Service, text: bytes, cause: str) -> None:
        answer = post(shop, data=text, content_type="application/json")
        assert answer.json["message"] == f"The body is not valid JSON: {cause}"

    @pytest.mark.parametrize("body", [[], [GOOD], "text", 1, None, True])
    def test_no_object(self, shop: Service, body: Any) -> None:
        answer = post(shop, data=json.dumps(body), content_type="application/json")
        shaped(answer, 400, "invalid_request")
        assert answer.json["message"] == "body: must be a JSON object."
        assert answer.json["details"] == {"fields": {"body": ["must be a JSON object."]}}

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"phoneNumber": "123456"}, "invalid_phone_number"),
            ({"amount": 10.5}, "invalid_amount"),
            ({"amount": 70_001}, "invalid_amount"),
            ({"amount": 10**40}, "invalid_amount"),
            ({"orderId": "a//b"}, "invalid_order_id"),
            ({"metadata": []}, "invalid_request"),
            ({"surprise": 1}, "invalid_request"),
        ],
        ids=str,
    )
    def test_not_valid(self, shop: Service, changes: dict[str, Any], code: str) -> None:
        body = shaped(post(shop, json={**GOOD, **changes}), 400, code)
        assert body["details"]
        assert shop.payments() == []

    @pytest.mark.parametrize(
        "text",
        [
            '{"k": 1e999}',
            '{"k": -1e999}',
            f'{{"k": {"[" * 500}{"]" * 500}}}',
            '{"k": "\\ud800"}',
            '{"k": "\\u0000"}',
        ],
        ids=lambda text: text[:12],
    )
    def test_metadata_that_cannot_be_kept(self, shop: Service, text: str) -> None:
        body = json.dumps({**GOOD, "metadata": "M"}).replace('"M"', text)
        shaped(post(shop, data=body, content_type="application/json"), 400, "invalid_request")

    def test_no_token_and_no_role(self, shop: Service) -> None:
        shaped(shop.call("GET", "/query/x", by=None), 401, "unauthenticated")
        shaped(shop.call("POST", "/x/refund", {}), 403, "forbidden")

    def test_a_key_used_again(self, shop: Service) -> None:
        assert shop.initiate(Idempotency_Key="k1").status_code == 201
        shaped(shop.initiate(amount=101, Idempotency_Key="k1"), 422, "idempotency_key_reused")

    def test_an_unusable_key(self, shop: Service) -> None:
        for key in ("a" * 256, "two words", "\u00e9"):
            shaped(shop.initiate(Idempotency_Key=key), 400, "invalid_idempotency_key")

    def test_busy_says_when_it_may_be_free(self, shop: Service) -> None:
        shop.pending()
        answer = shop.initiate(phone="254722000001")
        shaped(answer, 409, "order_in_progress")
        assert 1 <= retry_after(answer) <= 181
        answer = shop.initiate(order="ORDER2")
        shaped(answer, 409, "phone_busy")
        assert 1 <= retry_after(answer) <= 181

    def test_paid_does_not_say_to_come_back(self, shop: Service) -> None:
        shop.paid()
        answer = shop.initiate()
        shaped(answer, 409, "order_paid")
        assert "Retry-After" not in answer.headers
