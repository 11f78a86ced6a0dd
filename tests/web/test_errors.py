"""Every error has the same shape, has Retry-After if a retry helps, and reveals no details."""

import io
import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from daraja_simulator.server import SimulatorServer
from mpesa_service import errors
from mpesa_service.core.log_format import RedactingFormatter
from mpesa_service.daraja import NotSent, OutcomeUnknown, Refused
from mpesa_service.errors import ServiceError, error_body
from mpesa_service.payments import routes as payment_routes
from tests.support import PHONE, Listening, Service, TestClock, start_service

GOOD = {"orderId": "ORDER1", "amount": 100, "phoneNumber": PHONE}
CANARY = "canary 254712345678 SELECT * FROM payments"


@pytest.fixture
def make_service(
    listening: Listening,
    simulator: SimulatorServer,
    clock: TestClock,
    service_env: dict[str, str],
    sqlite_url: str,
) -> Any:
    started: list[Service] = []

    def make(**changes: str) -> Service:
        env = {**service_env, "DATABASE_URL": sqlite_url, **changes}
        started.append(start_service(listening, simulator, clock, env))
        return started[-1]

    yield make
    for service in started:
        service.runtime.database.dispose()


@pytest.fixture
def shop(make_service: Any) -> Service:
    """The service on SQLite, without rate limits."""
    found: Service = make_service()
    return found


@pytest.fixture
def log() -> Any:
    """The text of the service's log."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(RedactingFormatter())
    logging.getLogger().addHandler(handler)
    yield text
    logging.getLogger().removeHandler(handler)


def shaped(answer: Any, status: int, code: str) -> dict[str, Any]:
    """Check that an answer has the error shape; return its body."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/json"
    body: dict[str, Any] = answer.json
    assert set(body) - {"details"} == {"error", "message", "code", "requestId"}
    assert body["code"] == code
    assert body["requestId"] == answer.headers["X-Request-Id"]
    assert re.fullmatch(r"[a-z_]+", body["code"])
    assert body["message"]
    assert body["error"]
    assert "details" not in body or body["details"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return body


def retry_after(answer: Any) -> int:
    text = answer.headers["Retry-After"]
    assert re.fullmatch(r"[1-9]\d*", text)
    return int(text)


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
        assert "details" not in error_body("e", "m", "c", "r", {})


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

    @pytest.mark.parametrize("body", [[], [GOOD], "text", 1, None, True])
    def test_no_object(self, shop: Service, body: Any) -> None:
        answer = post(shop, data=json.dumps(body), content_type="application/json")
        shaped(answer, 400, "invalid_request")

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"phoneNumber": "123456"}, "invalid_phone_number"),
            ({"amount": 10.5}, "invalid_amount"),
            ({"amount": 70_001}, "invalid_amount"),
            ({"amount": 10**40}, "invalid_amount"),
            ({"orderId": "a b"}, "invalid_order_id"),
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


class TestFaults:
    @pytest.mark.parametrize(
        "fault",
        [
            RuntimeError(CANARY),
            ValueError(CANARY),
            KeyError(CANARY),
            AssertionError(CANARY),
            RecursionError(CANARY),
        ],
        ids=lambda fault: type(fault).__name__,
    )
    def test_a_fault_of_ours_tells_nothing(
        self,
        shop: Service,
        monkeypatch: pytest.MonkeyPatch,
        log: io.StringIO,
        fault: Exception,
    ) -> None:
        def fail(*_: Any) -> None:
            raise fault

        monkeypatch.setattr(payment_routes, "query_payment", fail)
        answer = shop.call("GET", "/query/x", X_Request_Id="request-0001")
        body = shaped(answer, 500, "internal_error")
        assert body == {
            "error": "Internal Server Error",
            "message": "Internal error. Nothing is lost; ask the operator, with the request id.",
            "code": "internal_error",
            "requestId": "request-0001",
        }
        assert "canary" not in answer.text + str(answer.headers)
        logged = log.getvalue()
        assert type(fault).__name__ in logged
        assert "request-0001" in logged
        assert "712345678" not in logged

    @pytest.mark.parametrize(
        "trouble",
        [OperationalError("SELECT canary", {}, Exception(CANARY)), PoolTimeout(CANARY)],
        ids=lambda trouble: type(trouble).__name__,
    )
    def test_a_database_that_is_away(
        self, shop: Service, monkeypatch: pytest.MonkeyPatch, trouble: Exception
    ) -> None:
        def fail(*_: Any) -> None:
            raise trouble

        monkeypatch.setattr(payment_routes, "query_payment", fail)
        answer = shop.call("GET", "/query/x")
        shaped(answer, 503, "unavailable")
        assert retry_after(answer) == 5
        assert "canary" not in answer.text

    def test_a_database_that_has_no_tables(self, make_service: Any, tmp_path: Path) -> None:
        service = make_service(DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")
        answer = service.call("GET", "/query/x")
        shaped(answer, 503, "unavailable")
        answer = service.app.test_client().post("/api/mpesa/callback/t", data=b"{}")
        shaped(answer, 503, "unavailable")
        assert retry_after(answer)
        answer = service.app.test_client().get("/readyz")
        assert "mpesa migrate" in shaped(answer, 503, "not_ready")["message"]
        assert service.app.test_client().get("/healthz").status_code == 200

    def test_daraja_cannot_be_reached(self, make_service: Any) -> None:
        service = make_service(MPESA_BASE_URL="http://127.0.0.1:9")
        answer = service.initiate()
        body = shaped(answer, 503, "provider_unreachable")
        assert retry_after(answer) == 30
        assert set(body["details"]) == {"paymentId"}

    def test_daraja_refuses(self, shop: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(_push: object) -> None:
            raise Refused(CANARY, operation="stk_push", http_status=400, error_code="400.002.02")

        monkeypatch.setattr(shop.runtime.daraja, "stk_push", refuse)
        answer = shop.initiate()
        shaped(answer, 502, "provider_refused")
        assert "canary" not in answer.text
        assert "Retry-After" not in answer.headers

    def test_nothing_was_sent(self, shop: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_push: object) -> None:
            raise NotSent(CANARY, operation="stk_push")

        monkeypatch.setattr(shop.runtime.daraja, "stk_push", fail)
        answer = shop.initiate()
        shaped(answer, 503, "provider_unreachable")
        assert "canary" not in answer.text
        assert shop.initiate().json["code"] == "provider_unreachable", "the order is free again"

    def test_an_unknown_outcome_is_no_error(self, shop: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_push: object) -> None:
            raise OutcomeUnknown(CANARY, operation="stk_push")

        monkeypatch.setattr(shop.runtime.daraja, "stk_push", fail)
        answer = shop.initiate()
        assert (answer.status_code, answer.json["success"]) == (202, True)
        assert answer.json["data"]["payment"]["status"] == "unknown"


class TestRequestIds:
    @pytest.mark.parametrize(
        "request_id", ["12345678", "a" * 64, "A-b_c.9-8", "67408f1b-9d1c-4712-8345-678abc000000"]
    )
    def test_a_decent_one_is_kept(self, shop: Service, request_id: str) -> None:
        answer = shop.call("GET", "/query/x", X_Request_Id=request_id)
        assert shaped(answer, 404, "not_found")["requestId"] == request_id

    @pytest.mark.parametrize(
        "request_id",
        ["", "short", "a" * 65, "two words", "<script>alert(1)</script>", "\u00e9" * 8, '"quoted"'],
    )
    def test_any_other_is_replaced(self, shop: Service, request_id: str) -> None:
        answer = shop.call("GET", "/query/x", X_Request_Id=request_id)
        assert re.fullmatch(r"[0-9a-f]{32}", shaped(answer, 404, "not_found")["requestId"])

    def test_each_request_has_its_own(self, shop: Service) -> None:
        ids = {shop.call("GET", "/query/x").headers["X-Request-Id"] for _ in range(5)}
        assert len(ids) == 5


class TestLimits:
    @pytest.fixture
    def limited(self, make_service: Any) -> Service:
        found: Service = make_service(RATELIMIT_ENABLED="true")
        return found

    def test_a_hundred_requests_a_caller(self, limited: Service) -> None:
        for number in range(100):
            path = f"/query/{number}" if number % 2 else f"/order/O{number}"
            assert limited.call("GET", path).status_code == 404
        for path in ("/query/x", "/order/x", "/x/refund"):
            answer = limited.call("GET", path)
            shaped(answer, 429, "rate_limited")
            assert 800 < retry_after(answer) <= 901
        shaped(limited.initiate(), 429, "rate_limited")
        assert limited.payments() == []
        assert limited.call("GET", "/query/x", by="other").status_code == 404
        assert limited.call("GET", "/query/x", by="boss", admin=True).status_code == 404

    def test_requests_without_a_believed_token_do_not_count(self, limited: Service) -> None:
        for _ in range(105):
            assert limited.call("GET", "/query/x", by=None).status_code == 401
        assert limited.call("GET", "/query/x").status_code == 404

    def test_ten_refunds_a_caller(self, limited: Service) -> None:
        for _ in range(10):
            assert limited.refund("none").status_code == 404
        answer = limited.refund("none")
        shaped(answer, 429, "rate_limited")
        assert 800 < retry_after(answer) <= 901
        assert limited.call("GET", "/query/x", by="boss", admin=True).status_code == 404
        assert limited.call("POST", "/none/refund", {}, by="chief", admin=True).status_code == 404

    def test_refunds_refused_for_want_of_a_role_do_not_count(self, limited: Service) -> None:
        for _ in range(12):
            assert limited.call("POST", "/none/refund", {}, by="boss").status_code == 403
        assert limited.refund("none").status_code == 404

    def test_five_prompts_a_phone_from_all_callers(self, limited: Service) -> None:
        for number in range(5):
            answer = limited.initiate(f"ORDER{number}", by=f"shop{number}", phone="0712345678")
            assert answer.status_code == 201
            checkout = answer.json["data"]["checkoutRequestId"]
            limited.simulator.post(f"/simulator/prompts/{checkout}/cancel")
        answer = limited.initiate("ORDER6", by="shop6", phone="+254 712 345 678")
        shaped(answer, 429, "prompt_limit")
        assert 1 <= retry_after(answer) <= 601
        assert len(limited.payments()) == 5
        assert limited.initiate("ORDER7", by="shop6", phone="254722000001").status_code == 201

    def test_prompts_that_were_not_sent_for_a_conflict_do_not_count(self, limited: Service) -> None:
        limited.pending()
        for _ in range(8):
            assert limited.initiate(order="ORDER2").status_code == 409

    def test_callbacks_are_never_limited(self, limited: Service) -> None:
        client = limited.app.test_client()
        paths = ("", "/token", "/command/result/token", "/command/timeout/token")
        for number in range(120):
            answer = client.post(f"/api/mpesa/callback{paths[number % 4]}", data=b"{}")
            assert answer.status_code == 200

    def test_health_is_never_limited(self, limited: Service) -> None:
        client = limited.app.test_client()
        assert {client.get("/healthz").status_code for _ in range(120)} == {200}

    def test_limits_are_those_configured(self, make_service: Any) -> None:
        service = make_service(
            RATELIMIT_ENABLED="true",
            RATELIMIT_DEFAULT="2 per hour",
            RATELIMIT_REFUNDS="1 per hour",
            RATELIMIT_PROMPTS="1 per hour",
        )
        assert [service.call("GET", "/query/x").status_code for _ in range(3)] == [404, 404, 429]
        assert [service.refund("none").status_code for _ in range(2)] == [404, 429]
        assert service.initiate(by="a").status_code == 201
        assert service.initiate("ORDER2", by="b").json["code"] == "prompt_limit"

    def test_can_be_turned_off(self, make_service: Any) -> None:
        service = make_service(
            RATELIMIT_ENABLED="false",
            RATELIMIT_DEFAULT="1 per hour",
            RATELIMIT_REFUNDS="1 per hour",
            RATELIMIT_PROMPTS="1 per hour",
        )
        assert {service.call("GET", "/query/x").status_code for _ in range(5)} == {404}
        assert {service.refund("none").status_code for _ in range(5)} == {404}
        for number in range(3):
            checkout = service.pending(f"ORDER{number}")
            service.simulator.post(f"/simulator/prompts/{checkout}/cancel")

    def test_a_store_that_is_away_does_not_stop_payments(self, make_service: Any) -> None:
        service = make_service(RATELIMIT_ENABLED="true", RATELIMIT_STORAGE_URI="redis://127.0.0.1:9/0")
        assert service.initiate().status_code == 201
        statuses = [service.call("GET", "/query/x").status_code for _ in range(101)]
        assert statuses[:99] == [404] * 99
        assert statuses[-1] == 429, "counted in this process meanwhile"
