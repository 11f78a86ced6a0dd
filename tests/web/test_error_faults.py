"""Errors that no one expects: the shape stays, and nothing internal leaks."""

import io
import logging
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mpesa_service.core.log_format import RedactingFormatter
from mpesa_service.daraja import NotSent, OutcomeUnknown, Refused
from mpesa_service.payments import routes as payment_routes
from tests.support import Service
from tests.web.support import retry_after, shaped

CANARY = "canary 254712345678 SELECT * FROM payments"


@pytest.fixture
def log() -> Any:
    """The text of the service's log."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(RedactingFormatter())
    logging.getLogger().addHandler(handler)
    yield text
    logging.getLogger().removeHandler(handler)


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
    def test_an_internal_error_contains_no_details(
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
            "message": "Internal error. Nothing is lost. Give the request id to the operator.",
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
