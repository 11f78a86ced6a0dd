"""Callbacks, honest and forged."""

import json
from io import BytesIO
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
from mpesa_service.payments.reconcile import check_due
from tests.support import PHONE, Service

SUCCESS = {"ResultCode": 0, "ResultDesc": "Success"}


def stk_body(service: Service, checkout: str, **changes: Any) -> dict[str, Any]:
    """Return what M-Pesa posts for a paid prompt, changed."""
    items: dict[str, Any] = {
        "Amount": changes.pop("amount", 100.0),
        "MpesaReceiptNumber": changes.pop("receipt", "NLJ7RT61SV"),
        "TransactionDate": 20261122120000,
        "PhoneNumber": changes.pop("phone", int(PHONE)),
    }
    callback: dict[str, Any] = {
        "MerchantRequestID": service.row(checkout).merchant_request_id,
        "CheckoutRequestID": checkout,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": {"Item": [{"Name": n, "Value": v} for n, v in items.items() if v is not None]},
    }
    callback.update(changes)
    if callback["ResultCode"] != 0:
        del callback["CallbackMetadata"]
    return {"Body": {"stkCallback": callback}}


def post(url: str, body: Any) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = requests.post(url, data=data, headers={"Content-Type": "application/json"}, timeout=5)
    assert (answer.status_code, answer.json()) == (200, SUCCESS)


def plain(service: Service) -> str:
    return f"{service.url}/api/mpesa/callback"


def verdicts(service: Service) -> list[str]:
    return [row.verdict for row in service.inbox()]


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

    def test_a_masked_payer_is_no_contradiction(self, service: Service) -> None:
        checkout = service.pending()
        post(service.callback_url(checkout), stk_body(service, checkout, phone="2547 ***** 678"))
        assert service.payment(checkout)["status"] == "succeeded"


class TestForged:
    """None of these moves a state unless Daraja itself, asked, confirms it."""

    def test_without_token(self, service: Service) -> None:
        checkout = service.pending()
        post(plain(service), stk_body(service, checkout))
        assert service.row(checkout).status == "pending"
        assert verdicts(service) == ["disputed"]

    def test_without_token_but_true_is_believed_after_a_query_of_daraja(self, service: Service) -> None:
        service.simulator.post("/simulator/options", {"faults": {"callback_lost": 1}})
        checkout = service.pending()
        service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        post(plain(service), stk_body(service, checkout))
        service.clock.advance(10)
        payment = service.payment(checkout)
        assert (payment["status"], payment["evidence"]) == ("succeeded", "query")
        assert payment["mpesaReceiptNumber"] is None, "the forger's receipt is not believed"

    def test_with_another_payments_receipt_after_a_failure(self, service: Service) -> None:
        """It is kept as a claim only, which no unique key forbids: it must not count as this one's."""
        first, second = service.pending(), service.pending(order="ORDER2", phone="254722000002")
        post(service.callback_url(first), stk_body(service, first))
        url = service.callback_url(second)
        post(url, stk_body(service, second, ResultCode=1032))
        post(url, stk_body(service, second, phone=254722000002))
        assert verdicts(service) == ["applied", "applied", "disputed"]
        row = service.row(second)
        assert (row.mismatch, row.claimed_receipt) == ("receipt", None)

    def test_with_another_payments_token(self, service: Service) -> None:
        victim = service.pending(order="VICTIM")
        own = service.pending(order="OWN", phone="254722000001")
        post(service.callback_url(own), stk_body(service, victim))
        assert [service.row(c).status for c in (victim, own)] == ["pending", "pending"]
        assert verdicts(service) == ["disputed"]

    @pytest.mark.parametrize(
        "changes",
        [
            {"amount": 1.0},
            {"amount": 100.5},
            {"amount": None},
            {"amount": 1000000.0},
            {"receipt": None},
            {"phone": 254799999999},
            {"CheckoutRequestID": "ws_CO_another"},
            {"MerchantRequestID": "another"},
        ],
        ids=str,
    )
    def test_with_the_token_but_other_contents(self, service: Service, changes: dict[str, Any]) -> None:
        checkout = service.pending()
        post(service.callback_url(checkout), stk_body(service, checkout, **changes))
        assert service.row(checkout).status == "pending"
        assert verdicts(service) == ["disputed"]
        assert service.row(checkout).next_check_at == service.clock(), "a query of Daraja is due"

    def test_another_amount_that_daraja_confirms_as_paid_needs_a_person(self, service: Service) -> None:
        service.simulator.post("/simulator/script", {"for": "stk_push", "amount_in_callback": 1})
        checkout = service.pending()
        service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        assert service.row(checkout).status == "pending"
        service.clock.advance(10)
        payment = service.payment(checkout)
        assert payment["status"] == "review"
        assert "amount" in payment["failureReason"]
        assert payment["mpesaReceiptNumber"] == service.ledger()["debits"][0]["receipt"]

    def test_a_true_callback_after_a_claim_leaves_no_question(self, service: Service) -> None:
        checkout = service.pending()
        url = service.callback_url(checkout)
        post(url, stk_body(service, checkout, amount=1.0))
        post(url, stk_body(service, checkout))
        row = service.row(checkout)
        assert (row.status, row.mismatch, row.next_check_at) == ("succeeded", None, None)

    def test_two_receipts_that_are_claimed_need_a_person(self, service: Service) -> None:
        checkout = service.pending()
        url = service.callback_url(checkout)
        post(url, stk_body(service, checkout, amount=1.0, receipt="OTHER00001"))
        service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        row = service.row(checkout)
        assert (row.status, row.mismatch, row.check_attempts) == ("succeeded", "amount", 0)
        assert row.next_check_at is not None
        service.clock.advance(30)
        check_due(service.runtime)
        payment = service.payment(checkout)
        assert payment["status"] == "review"
        assert "the claim differs in amount" in payment["failureReason"]

    def test_success_for_a_canceled_payment(self, service: Service) -> None:
        checkout = service.pending()
        url = service.callback_url(checkout)
        service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
        post(url, stk_body(service, checkout))
        service.clock.advance(10)
        payment = service.payment(checkout)
        assert payment["status"] == "canceled", "Daraja was asked, and did not confirm"
        assert payment["mpesaReceiptNumber"] is None
        assert service.row(checkout).claimed_receipt == "NLJ7RT61SV"

    def test_failure_for_a_paid_payment(self, service: Service) -> None:
        checkout = service.paid()
        url = service.callback_url(checkout)
        post(url, stk_body(service, checkout, ResultCode=1032))
        service.clock.advance(10)
        assert service.payment(checkout)["status"] == "succeeded"
        assert service.row(checkout).mismatch is None, "Daraja's word dissolved it"

    def test_a_receipt_seen_before(self, service: Service) -> None:
        first = service.paid(order="FIRST")
        second = service.pending(order="SECOND", phone="254722000001")
        receipt = service.payment(first)["mpesaReceiptNumber"]
        post(service.callback_url(second), stk_body(service, second, receipt=receipt, phone=254722000001))
        assert service.row(second).status == "pending"
        assert service.row(second).mismatch == "receipt"

    def test_a_second_receipt_for_a_paid_payment_needs_a_person(self, service: Service) -> None:
        checkout = service.paid()
        receipt = service.payment(checkout)["mpesaReceiptNumber"]
        post(service.callback_url(checkout), stk_body(service, checkout, receipt="OTHER00001"))
        service.clock.advance(10)
        payment = service.payment(checkout)
        assert (payment["status"], payment["mpesaReceiptNumber"]) == ("review", receipt)

    def test_of_nobody(self, service: Service) -> None:
        checkout = service.pending()
        post(f"{plain(service)}/{'x' * 43}", stk_body(service, checkout, CheckoutRequestID="ws_CO_1"))
        post(plain(service), stk_body(service, checkout, CheckoutRequestID="ws_CO_1"))
        assert verdicts(service) == ["unmatched", "unmatched"]

    def test_two_claims_that_differ_leave_it_to_daraja(self, service: Service) -> None:
        checkout = service.pending()
        url = service.callback_url(checkout)
        post(url, stk_body(service, checkout, amount=1.0))
        post(url, stk_body(service, checkout, ResultCode=1032))
        assert verdicts(service) == ["disputed", "disputed"]
        assert service.row(checkout).status == "pending"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'"text"',
            b"\xff\xfe",
            b"<html></html>",
            b'{"Body": {}}',
            b'{"Body": {"stkCallback": []}}',
            b"[" * 20_000,
            b'{"Body":{"stkCallback":{"CheckoutRequestID":1,"ResultCode":0}}}',
            b'{"Body":{"stkCallback":{"CheckoutRequestID":"x","MerchantRequestID":"y","ResultCode":NaN}}}',
            b'{"Body":{"stkCallback":{"CheckoutRequestID":"x\\u0000","MerchantRequestID":"y","ResultCode":0}}}',
        ],
        ids=lambda body: body[:24].decode("latin-1"),
    )
    def test_unreadable_bodies_are_kept_and_answered(self, service: Service, body: bytes) -> None:
        checkout = service.pending()
        post(service.callback_url(checkout), body)
        [row] = service.inbox()
        assert row.verdict in {"unreadable", "disputed"}
        assert service.runtime.encryption.decrypt_bytes(row.body_encrypted) == body
        assert service.row(checkout).status == "pending"

    def test_a_body_too_large_in_chunks_is_refused(self, service: Service) -> None:
        checkout = service.pending()
        answer = service.app.test_client().post(
            service.callback_url(checkout).removeprefix(service.url),
            input_stream=BytesIO(b" " * 70 * 1024),
            headers={"Transfer-Encoding": "chunked"},
            environ_overrides={"wsgi.input_terminated": True},
        )
        assert (answer.status_code, answer.json["code"]) == (413, "body_too_large")
        assert service.inbox() == []

    def test_a_strangers_claims_make_daraja_queried_at_most_every_ten_seconds(self, service: Service) -> None:
        checkout = service.pending()
        service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
        for _ in range(15):
            post(plain(service), stk_body(service, checkout))
            check_due(service.runtime)
            service.clock.advance(2)
        assert service.ledger()["requests"]["stk_query"] == 3

    def test_a_body_too_large_is_refused(self, service: Service) -> None:
        checkout = service.pending()
        answer = requests.post(service.callback_url(checkout), data=b" " * 65_537, timeout=5)
        assert answer.status_code == 413
        assert service.inbox() == []


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

    def test_a_poisonous_body_is_not_taken_up_for_ever(
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
