"""Money that M-Pesa says has arrived: one payment a receipt, by whatever door the receipt comes."""

import json
from hashlib import sha256
from typing import Any

import pytest
import requests

from mpesa_service.c2b import matching, retry_matching
from mpesa_service.callbacks.receive import apply_failed_again
from mpesa_service.domain.planning import NO_OUTCOME_REPORTED
from mpesa_service.models import Payment
from mpesa_service.payments.reconcile import check_due
from tests.c2b.bookings import OTHER, only, pay_with_lost_callback, prompted_first, statuses, verdicts
from tests.c2b.support import (
    MASKED,
    RECEIPT,
    assert_books_are_right,
    c2b_addresses,
    c2b_body,
    causes,
    confirm,
    confirmations,
    look,
    post_c2b,
)
from tests.callbacks.support import stk_body
from tests.support import PHONE, Service


class TestAtTheDoor:
    def test_a_strangers_secret_is_answered_404_and_leaves_nothing(self, service: Service) -> None:
        for secret in ("x", "0" * 64, "\u00e9"):
            url = f"{service.url}/c2b/{secret}/confirmation"
            answer = requests.post(url, json=c2b_body(service), timeout=5)
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            assert answer.json()["message"] == "There is nothing at this address."
        assert service.inbox() == []
        assert confirmations(service) == []

    def test_the_address_holds_no_word_that_safaricom_forbids(self, service: Service) -> None:
        found = c2b_addresses(service)
        assert found.confirmation.startswith(f"{service.url}/c2b/")
        assert found.confirmation != found.validation
        assert "mpesa" not in found.confirmation

    def test_the_raw_body_is_kept_encrypted(self, service: Service) -> None:
        confirm(service)
        [row] = service.inbox()
        assert json.loads(service.runtime.encryption.decrypt_bytes(row.body_encrypted))["TransID"] == RECEIPT
        assert (row.kind, row.token_hash, row.payment_id) == ("c2b_confirmation", None, only(service).id)

    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"[]",
            {"TransID": "R"},
            {"TransAmount": "0.00"},
            {"TransAmount": "1.005"},
            {"TransAmount": "-5"},
            {"TransID": None},
            {"TransAmount": "1,30"},
        ],
        ids=str,
    )
    def test_what_cannot_be_read_is_kept_and_answered(self, service: Service, body: Any) -> None:
        sent = body
        if isinstance(body, dict):
            sent = body if body == {"TransID": "R"} else c2b_body(service, **body)
        answer = post_c2b(service, sent)
        assert (answer.status_code, answer.json()["ResultCode"]) == (200, 0)
        assert verdicts(service) == ["unread"]
        assert service.payments() == []


class TestMoneyThatFitsNothing:
    def test_becomes_a_payment_in_review(self, service: Service) -> None:
        confirm(service)
        payment = only(service)
        assert (payment.channel, payment.status, payment.order_id) == ("c2b", "review", None)
        assert (payment.receipt, payment.amount, payment.evidence) == (RECEIPT, 100, "confirmation")
        assert payment.failure_reason == "Needs manual review: it fits no order."
        assert causes(service, payment) == ["created", "unmatched"]
        assert verdicts(service) == ["unmatched"]
        assert_books_are_right(service)

    def test_only_admins_see_it(self, service: Service) -> None:
        confirm(service)
        for owner in ("shop", "c2b"):
            answer = service.call("GET", f"/query/{only(service).id}", by=owner)
            assert answer.status_code == 404
        shown = service.payment(only(service).id)
        assert (shown["orderId"], shown["channel"], shown["billReference"]) == (None, "c2b", "ORDER1")
        assert shown["phoneNumber"] == MASKED
        assert "NICHOLAS" not in json.dumps(shown)

    @pytest.mark.parametrize(
        ("reported", "shown"),
        [
            (sha256(PHONE.encode()).hexdigest(), "hashed"),
            (PHONE, "254712***678"),
            ("25471234567", "***567"),
            (None, None),
        ],
    )
    def test_the_payer_is_shown_masked(self, service: Service, reported: Any, shown: Any) -> None:
        confirm(service, MSISDN=reported)
        assert service.payment(only(service).id)["phoneNumber"] == shown

    def test_a_number_that_is_not_masked_is_kept_as_one(self, service: Service) -> None:
        confirm(service, MSISDN=PHONE)
        payment = only(service)
        assert service.runtime.encryption.decrypt(payment.phone_encrypted or b"") == PHONE
        assert payment.phone_hash == service.runtime.encryption.blind_index("phone", PHONE)

    def test_its_names_are_encrypted(self, service: Service) -> None:
        confirm(service)
        [row] = confirmations(service)
        assert json.loads(service.runtime.encryption.decrypt(row.names_encrypted or b"")) == [
            "NICHOLAS",
            None,
            None,
        ]

    def test_another_business_number_is_matched_to_nothing(self, service: Service) -> None:
        service.pending()
        confirm(service, BusinessShortCode="600000")
        [prompted, payment] = prompted_first(service)
        assert (prompted.status, payment.status) == ("pending", "review")
        assert payment.failure_reason == "Needs manual review: it names another business number."

    def test_copies_change_nothing(self, service: Service) -> None:
        for _ in range(3):
            confirm(service)
        assert verdicts(service) == ["unmatched", "duplicate", "duplicate"]
        assert {row.payment_id for row in service.inbox()} == {only(service).id}
        assert causes(service, only(service)) == ["created", "unmatched"]

    @pytest.mark.parametrize("changes", [{"TransAmount": "900.00"}, {"BillRefNumber": "ORDER2"}], ids=str)
    def test_a_copy_that_says_otherwise_is_only_noted(
        self, service: Service, changes: dict[str, str]
    ) -> None:
        confirm(service)
        confirm(service, **changes)
        assert verdicts(service) == ["unmatched", "disputed"]
        assert only(service).amount == 100

    def test_cents_are_never_rounded(self, service: Service) -> None:
        service.pending()
        confirm(service, TransAmount="100.50")
        assert statuses(service) == ["pending"]
        [row] = confirmations(service)
        assert (row.amount_cents, row.payment_id, row.retry_at) == (10_050, None, None)
        assert row.fractional_id is not None
        assert verdicts(service) == ["unmatched"]
        assert_books_are_right(service)

    def test_a_person_cannot_settle_or_fail_it_without_an_order(self, service: Service) -> None:
        confirm(service)
        for action in ("settle", "fail"):
            body = {"action": action, "reason": "because"}
            answer = service.call("POST", f"/{only(service).id}/resolve", body, by="boss", admin=True)
            assert (answer.status_code, answer.json["code"]) == (409, "unmatched")


class TestReview:
    @pytest.fixture
    def unresolved(self, service: Service) -> Payment:
        """A payment about which no report arrived."""
        service.simulator.post("/simulator/script", {"for": "stk_push", "fault": "error_5xx"})
        service.initiate()
        service.clock.advance(86_500)
        check_due(service.runtime)
        assert (only(service).status, only(service).failure_reason) == ("review", NO_OUTCOME_REPORTED)
        return only(service)

    def test_a_late_report_is_applied(self, service: Service, unresolved: Payment) -> None:
        confirm(service)
        assert (only(service).status, only(service).failure_reason) == ("succeeded", None)
        assert causes(service, unresolved)[-1] == "matched"
        assert_books_are_right(service)

    def test_a_mismatch_stays_in_review_with_the_receipt(self, service: Service) -> None:
        checkout = pay_with_lost_callback(service)
        body = stk_body(service, checkout, amount=1.0, receipt=None)
        requests.post(service.callback_url(checkout), json=body, timeout=5)
        service.clock.advance(30)
        check_due(service.runtime)
        assert (only(service).status, only(service).receipt) == ("review", None)
        confirm(service)
        assert (only(service).status, only(service).receipt) == ("review", RECEIPT)

    def test_an_older_mismatch_does_not_concern_new_money(self, service: Service) -> None:
        self.test_a_mismatch_stays_in_review_with_the_receipt(service)
        service.clock.advance(3_700)
        confirm(service, TransID="RKL51ZDR4G")
        assert [payment.channel for payment in prompted_first(service)] == ["stk", "c2b"]


class TestTrouble:
    def test_a_confirmation_whose_booking_failed_is_booked_later(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fault(*_: Any, **__: Any) -> None:
            raise RuntimeError("a fault of ours")

        monkeypatch.setattr(matching, "new_payment", fault)
        confirm(service)
        assert (verdicts(service), confirmations(service)) == (["failed"], [])
        monkeypatch.undo()
        assert apply_failed_again(service.runtime) == 1
        assert only(service).status == "review"

    def test_one_that_cannot_be_matched_delays_no_other(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        confirm(service)
        confirm(service, TransID="RKL51ZDR4G")
        looked: list[int] = []

        def fault(_runtime: Any, row_id: int, _until: Any) -> None:
            looked.append(row_id)
            raise RuntimeError("a fault of ours")

        monkeypatch.setattr(retry_matching, "_match", fault)
        look(service)
        assert len(looked) == 2
        assert all(row.retry_at > service.clock() for row in confirmations(service)), "due again"

    def test_one_that_others_book_at_the_same_moment_is_due_again(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        service.pending(phone=OTHER)
        confirm(service)
        monkeypatch.setattr(retry_matching.Booking, "book", lambda _: None)
        look(service)
        [row] = confirmations(service)
        assert row.payment_id is None
        assert row.retry_at > service.clock()

    def test_a_round_has_an_end(self, service: Service) -> None:
        confirm(service)
        confirm(service, TransID="RKL51ZDR4G")
        service.clock.advance(60)
        assert retry_matching.match_due(service.runtime, limit=1) == 1
        assert retry_matching.match_due(service.runtime, limit=5) == 1
        assert all(row.retry_at is None for row in confirmations(service))
