"""Rate limits, and the ids of requests."""

import re
from typing import Any

import pytest

from tests.support import Service
from tests.web.support import retry_after, shaped


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
