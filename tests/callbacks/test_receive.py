"""Callbacks, honest and forged."""

import json
from typing import Any

import pytest
import requests
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mpesa_service.callbacks import handlers
from mpesa_service.callbacks import receive as inbox
from mpesa_service.callbacks.receive import apply_failed_again, receive
from mpesa_service.core.inbox import Posted
from mpesa_service.domain.callbacks import CallbackKind
from tests.callbacks.support import plain, post, stk_body, verdicts
from tests.support import Service


class TestHonest:
    def test_the_raw_body_is_kept_encrypted(self, service: Service) -> None:
        checkout = service.pending()
        body = json.dumps(stk_body(service, checkout)).encode()
        post(service.callback_url(checkout), body)
        [row] = service.inbox()
        assert service.runtime.encryption.decrypt_bytes(row.body_encrypted) == body
        assert b"2547" not in row.body_encrypted
        assert (row.kind, row.verdict, row.payment_id) == ("stk", "applied", service.row(checkout).id)
        assert row.source_address == "127.0.0.1"
        assert row.headers["Content-Type"] == "application/json"
        assert row.processed_at == service.clock()

    def test_copies_change_nothing(self, service: Service) -> None:
        checkout = service.pending()
        url = service.callback_url(checkout)
        for _ in range(3):
            post(url, stk_body(service, checkout))
        assert verdicts(service) == ["applied", "duplicate", "duplicate"]
        assert len(service.events(service.row(checkout).id)) == 3

    def test_failure_after_failure_changes_nothing(self, service: Service) -> None:
        checkout = service.pending()
        url = service.callback_url(checkout)
        post(url, stk_body(service, checkout, ResultCode=1032))
        post(url, stk_body(service, checkout, ResultCode=1))
        assert verdicts(service) == ["applied", "duplicate"]
        assert service.payment(checkout)["resultCode"] == "1032"

    def test_no_verdict_yet_is_noted(self, service: Service) -> None:
        checkout = service.pending()
        post(service.callback_url(checkout), stk_body(service, checkout, ResultCode=4999))
        assert verdicts(service) == ["noted"]
        assert service.payment(checkout)["status"] == "pending"

    def test_a_masked_payer_is_no_mismatch(self, service: Service) -> None:
        checkout = service.pending()
        post(service.callback_url(checkout), stk_body(service, checkout, phone="2547 ***** 678"))
        assert service.payment(checkout)["status"] == "succeeded"


class TestFaultsOfOurOwn:
    def test_a_fault_in_applying_keeps_the_body_and_is_made_good(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checkout = service.pending()

        def fail(*_: object) -> None:
            raise RuntimeError("a fault of ours")

        monkeypatch.setattr(handlers, "apply_report", fail)
        post(service.callback_url(checkout), stk_body(service, checkout))
        assert verdicts(service) == ["failed"]
        assert service.row(checkout).status == "pending"

        monkeypatch.undo()
        assert apply_failed_again(service.runtime) == 1
        assert apply_failed_again(service.runtime) == 0
        assert verdicts(service) == ["applied"]
        assert service.payment(checkout)["status"] == "succeeded"

    def test_a_body_that_always_fails_is_not_retried_without_end(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checkout = service.pending()

        def fail(*_: object) -> None:
            raise RuntimeError("always")

        monkeypatch.setattr(handlers, "apply_report", fail)
        post(service.callback_url(checkout), stk_body(service, checkout))
        taken = [apply_failed_again(service.runtime) for _ in range(inbox.MAX_ATTEMPTS + 5)]
        assert sum(taken) == inbox.MAX_ATTEMPTS - 1
        assert service.inbox()[0].attempts == inbox.MAX_ATTEMPTS

    def test_taking_up_stops_at_its_limit(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        checkout = service.pending()

        def fail(*_: object) -> None:
            raise RuntimeError("again")

        monkeypatch.setattr(handlers, "apply_report", fail)
        for _ in range(3):
            post(service.callback_url(checkout), stk_body(service, checkout))
        assert apply_failed_again(service.runtime, limit=2) == 2
        assert [row.attempts for row in service.inbox()] == [2, 2, 1]

    @pytest.mark.parametrize("times", [1, 2])
    def test_a_database_conflict_in_applying_is_tried_again_at_once(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, times: int
    ) -> None:
        checkout = service.pending()
        real, calls = handlers.apply_report, []

        def fail_at_first(*arguments: Any) -> Any:
            calls.append(1)
            if len(calls) <= times:
                raise OperationalError("UPDATE", {}, Exception("deadlock detected"))
            return real(*arguments)

        monkeypatch.setattr(handlers, "apply_report", fail_at_first)
        post(service.callback_url(checkout), stk_body(service, checkout))
        assert verdicts(service) == ["applied"]

    def test_without_a_free_connection_it_is_not_waited_for_twice(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries = []

        def none_is_free(*_: object) -> None:
            tries.append(1)
            raise PoolTimeout("QueuePool limit reached")

        monkeypatch.setattr(inbox, "_received", none_is_free)
        answer = requests.post(plain(service), json={}, timeout=5)
        assert (answer.status_code, len(tries)) == (503, 1)

    def test_applying_without_a_free_connection_is_not_tried_again(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries = []

        def none_is_free(*_: object) -> None:
            tries.append(1)
            raise PoolTimeout("QueuePool limit reached")

        monkeypatch.setattr(inbox, "handler_of", lambda _: none_is_free)
        answer = requests.post(plain(service), json={}, timeout=5)
        assert (answer.status_code, len(tries), verdicts(service)) == (503, 1, [])

    def test_a_stored_callback_that_another_process_applied_stays_as_it_is(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("a fault of ours")

        def too_late(*_: object) -> None:
            raise inbox.AlreadyApplied

        monkeypatch.setattr(inbox, "handler_of", lambda _: fail)
        post(plain(service), {})
        monkeypatch.setattr(inbox, "handler_of", lambda _: too_late)
        apply_failed_again(service.runtime)
        assert [(row.verdict, row.attempts) for row in service.inbox()] == [("failed", 1)]

    def test_what_cannot_be_stored_is_answered_503(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise OperationalError("INSERT", {}, Exception("disk full"))

        monkeypatch.setattr("mpesa_service.callbacks.routes.receive", fail)
        answer = requests.post(plain(service), json={}, timeout=5)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert "disk full" not in answer.text

    def test_receive_returns_the_verdict(self, service: Service) -> None:
        posted = Posted(CallbackKind.STK, None, b"{}", {}, None)
        assert receive(service.runtime, posted) == "unreadable"
