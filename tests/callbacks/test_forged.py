"""Callbacks that M-Pesa did not send change nothing before Daraja confirms them."""

from io import BytesIO
from typing import Any

import pytest
import requests

from mpesa_service.payments.reconcile import check_due
from tests.callbacks.support import plain, post, stk_body, verdicts
from tests.support import Service


class TestForged:
    """None of these moves a state unless a query of Daraja confirms it."""

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
        assert payment["status"] == "canceled", "Daraja was queried, and did not confirm"
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
        assert row.verdict in {"unread", "disputed"}
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
        assert (service.row(checkout).status, verdicts(service)) == ("pending", ["unread"])

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
        assert (service.row(checkout).status, verdicts(service)) == ("pending", ["unread"])
