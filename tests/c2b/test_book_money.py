"""One receipt, reported by several sources: it is booked once, and later sources raise the evidence."""

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
import requests

from mpesa_service.c2b.arrivals import ArrivedMoney
from mpesa_service.c2b.book_money import book_money
from mpesa_service.c2b.repeated import FILLED
from mpesa_service.daraja import PayerKind, payer_kind_of
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.reports import ARRIVALS, Evidence
from tests.c2b.bookings import only, pay_with_lost_callback, prompted_first
from tests.c2b.support import (
    MASKED,
    RECEIPT,
    SHORTCODE,
    assert_books_are_right,
    c2b_body,
    causes,
    confirm,
    confirmations,
    expect_order,
    look,
    order_row,
    post_c2b,
)
from tests.callbacks.support import stk_body
from tests.support import PHONE, Service

WITHOUT_A_FILE = "statement_evidence_has_its_line"
"""These tests book money as a statement does, without its file."""
SECOND = [Evidence.STATUS, Evidence.PULL, Evidence.STATEMENT]


def money(service: Service, **changes: Any) -> ArrivedMoney:
    values: dict[str, Any] = {
        "receipt": RECEIPT,
        "cents": 10_000,
        "shortcode": SHORTCODE,
        "account": "ORDER1",
        "payer": PHONE,
        "transacted_at": service.clock(),
        **changes,
    }
    return ArrivedMoney(payer_kind=payer_kind_of(values["payer"]), **values)


def book(service: Service, evidence: Evidence = Evidence.PULL, **changes: Any) -> Plan:
    return book_money(service.runtime, money(service, **changes), evidence)


class TestTheFirstSource:
    @pytest.mark.parametrize("evidence", ARRIVALS)
    def test_books_money_to_its_order(self, service: Service, evidence: Evidence) -> None:
        expect_order(service)
        plan = book(service, evidence)
        payment = only(service)
        assert (plan.verdict, plan.payment_id) == ("applied", payment.id)
        assert (payment.status, payment.order_id, payment.evidence) == ("succeeded", "ORDER1", evidence)
        assert [row.source for row in confirmations(service)] == [evidence]
        assert order_row(service).status == "paid"
        assert_books_are_right(service, besides=WITHOUT_A_FILE)

    def test_of_money_without_an_order_is_unmatched_until_there_is_one(self, service: Service) -> None:
        assert book(service).verdict == "unmatched"
        expect_order(service)
        look(service)
        payment = only(service)
        assert (payment.status, payment.order_id, payment.evidence) == ("succeeded", "ORDER1", "pull")

    def test_may_say_nothing_but_the_receipt_and_the_amount(self, service: Service) -> None:
        plan = book_money(service.runtime, ArrivedMoney(receipt=RECEIPT, cents=10_000), Evidence.STATUS)
        payment, [row] = only(service), confirmations(service)
        assert (plan.verdict, payment.status, payment.phone_hash) == ("unmatched", "review", None)
        assert payment.failure_reason == "Needs manual review: it fits no order."
        assert (row.shortcode, row.payer_kind, row.transacted_at) == (SHORTCODE, "none", None)
        assert_books_are_right(service, besides=WITHOUT_A_FILE)

    def test_of_another_business_number_is_matched_to_nothing(self, service: Service) -> None:
        expect_order(service)
        assert book(service, shortcode="600000").reason == (
            "Needs manual review: it names another business number."
        )

    def test_of_a_fractional_amount_is_listed(self, service: Service) -> None:
        assert book(service, Evidence.STATEMENT, cents=10_050).verdict == "unmatched"
        assert [row.fractional_id is None for row in confirmations(service)] == [False]
        assert service.payments() == []

    def test_gives_the_money_of_a_lost_callback_to_its_prompt(self, service: Service) -> None:
        checkout = pay_with_lost_callback(service)
        assert book(service).verdict == "applied"
        payment = service.row(checkout)
        assert (payment.status, payment.receipt, payment.evidence) == ("succeeded", RECEIPT, "pull")
        assert payment.result_desc == "Found by a pull"

    def test_proves_a_payment_against_a_late_report_of_its_prompt(self, service: Service) -> None:
        checkout = service.pending()
        book(service, Evidence.STATEMENT)
        service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
        payment = service.row(checkout)
        assert (payment.status, payment.evidence) == ("succeeded", "statement")
        assert causes(service, payment)[-1] == "prompt_over"

    def test_reports_money(self, service: Service) -> None:
        for changes in ({"cents": 0}, {"cents": -1}, {"receipt": ""}):
            with pytest.raises(ValueError, match="an amount above 0"):
                money(service, **changes)
        with pytest.raises(ValueError, match="query does not say"):
            book(service, Evidence.QUERY)


class TestASecondSource:
    @pytest.mark.parametrize("evidence", SECOND)
    def test_raises_the_evidence_and_books_nothing(self, service: Service, evidence: Evidence) -> None:
        expect_order(service)
        confirm(service)
        plan = book(service, evidence)
        payment = only(service)
        assert (plan.verdict, plan.payment_id, payment.evidence) == ("duplicate", payment.id, evidence)
        assert causes(service, payment)[-1] == "confirmed_again"
        assert (len(confirmations(service)), order_row(service).received_amount) == (1, 100)
        assert_books_are_right(service, besides=WITHOUT_A_FILE)

    def test_never_lowers_it(self, service: Service) -> None:
        book(service, Evidence.STATEMENT)
        confirm(service)
        for evidence in SECOND:
            assert book(service, evidence).verdict == "duplicate"
        payment = only(service)
        assert (payment.evidence, causes(service, payment)) == ("statement", ["created", "unmatched"])
        assert [row.source for row in confirmations(service)] == ["statement"]

    def test_that_repeats_itself_changes_nothing(self, service: Service) -> None:
        book(service)
        before = only(service)
        assert book(service).verdict == "duplicate"
        assert (only(service).version, only(service).updated_at) == (before.version, before.updated_at)

    def test_becomes_evidence_of_the_prompt_that_has_the_receipt(self, service: Service) -> None:
        checkout = service.pending()
        body = stk_body(service, checkout, receipt=RECEIPT)
        requests.post(service.callback_url(checkout), json=body, timeout=5)
        assert book(service).verdict == "duplicate"
        payment = service.row(checkout)
        assert (payment.evidence, causes(service, payment)[-1]) == ("pull", "confirmed_again")
        assert [row.payment_id for row in confirmations(service)] == [payment.id]
        assert book(service, Evidence.STATEMENT).verdict == "duplicate"
        assert service.row(checkout).evidence == "statement"
        assert_books_are_right(service, besides=WITHOUT_A_FILE)

    def test_also_if_the_callback_comes_last(self, service: Service) -> None:
        checkout = service.pending()
        book(service)
        body = stk_body(service, checkout, receipt=RECEIPT)
        requests.post(service.callback_url(checkout), json=body, timeout=5)
        assert (service.row(checkout).evidence, service.inbox()[-1].verdict) == ("pull", "duplicate")

    @pytest.mark.parametrize("evidence", [Evidence.CONFIRMATION, *SECOND])
    def test_with_another_amount_is_disputed(self, service: Service, evidence: Evidence) -> None:
        confirm(service)
        plan = book(service, evidence, cents=90_000)
        assert (plan.verdict, plan.payment_id) == ("disputed", only(service).id)
        assert (only(service).amount, only(service).evidence) == (100, "confirmation")

    def test_that_differs_from_the_prompts_amount_is_disputed(self, service: Service) -> None:
        checkout = service.pending()
        body = stk_body(service, checkout, receipt=RECEIPT)
        requests.post(service.callback_url(checkout), json=body, timeout=5)
        plan = book(service, cents=90_000)
        assert (plan.verdict, service.row(checkout).mismatch) == ("disputed", "amount")

    def test_may_write_the_account_in_its_own_way(self, service: Service) -> None:
        expect_order(service)
        confirm(service)
        assert book(service, account="order 1 by 2547").verdict == "duplicate"
        assert only(service).order_id == "ORDER1"


class TestWhatWasMissing:
    def test_is_filled(self, service: Service) -> None:
        book_money(service.runtime, ArrivedMoney(receipt=RECEIPT, cents=10_000), Evidence.STATUS)
        at = service.clock() - timedelta(hours=3)
        plan = book(service, names=("NICHOLAS",), transaction_type="Pay Bill", transacted_at=at)
        assert (plan.verdict, plan.reason) == (
            "duplicate",
            FILLED,
        )
        [row], payment, decrypt = confirmations(service), only(service), service.runtime.encryption.decrypt
        assert (row.shortcode, row.transaction_type, row.transacted_at) == (SHORTCODE, "Pay Bill", at)
        assert (row.source, row.payer_kind, decrypt(row.payer_encrypted or b"")) == ("status", "plain", PHONE)
        assert json.loads(decrypt(row.names_encrypted or b"")) == ["NICHOLAS"]
        assert decrypt(payment.phone_encrypted or b"") == PHONE
        assert decrypt(payment.bill_reference_encrypted or b"") == "ORDER1"
        assert (payment.evidence, payment.paid_at, payment.paid_at_source) == ("pull", at, "pull")

    def test_lets_money_find_its_order(self, service: Service) -> None:
        expect_order(service)
        book(service, Evidence.STATUS, account=None)
        assert only(service).status == "review"
        book(service)
        look(service, 0)
        assert (only(service).status, only(service).order_id) == ("succeeded", "ORDER1")
        assert_books_are_right(service, besides=WITHOUT_A_FILE)

    def test_moves_no_money_that_has_an_order(self, service: Service) -> None:
        checkout = service.pending()
        book(service, account=None)
        assert service.row(checkout).status == "pending"
        look(service)
        assert service.row(checkout).receipt == RECEIPT
        book(service, Evidence.STATEMENT, account="ORDER2")
        look(service, 0)
        assert (service.row(checkout).order_id, service.row(checkout).evidence) == ("ORDER1", "statement")

    def test_is_filled_while_the_money_waits(self, service: Service) -> None:
        service.pending(phone="254722000001")
        confirm(service)
        assert confirmations(service)[0].payment_id is None
        assert book(service).verdict == "duplicate"
        assert confirmations(service)[0].payer_kind == "plain"

    @pytest.mark.parametrize(
        ("first", "then", "kind"),
        [
            (MASKED, PHONE, PayerKind.PLAIN),
            (MASKED, "254722000001", PayerKind.MASKED),
            (MASKED, "2547 ***** 999", PayerKind.MASKED),
            (None, MASKED, PayerKind.MASKED),
            (None, None, PayerKind.NONE),
            (PHONE, MASKED, PayerKind.PLAIN),
        ],
    )
    def test_payer_is_filled_only_by_the_same_one(
        self, service: Service, first: str | None, then: str | None, kind: PayerKind
    ) -> None:
        confirm(service, MSISDN=first)
        book(service, payer=then)
        assert confirmations(service)[0].payer_kind == kind
        assert (only(service).phone_hash is not None) == (kind is PayerKind.PLAIN)

    def test_fractional_amount_is_filled_and_listed_once(self, service: Service) -> None:
        confirm(service, TransAmount="100.50", BillRefNumber="")
        book(service, cents=10_050)
        [row] = confirmations(service)
        assert (row.payment_id, row.retry_at, row.bill_reference_encrypted is None) == (None, None, False)

    def test_receipt_of_a_payment_that_has_another_one_changes_nothing(self, service: Service) -> None:
        checkout = service.pending()
        book(service)
        with service.runtime.database.begin() as session:
            session.merge(service.row(checkout)).receipt = "OTHER"
        assert book(service, Evidence.STATEMENT).verdict == "duplicate"
        assert service.row(checkout).evidence == "pull"


def test_two_sources_at_once_book_once(service: Service) -> None:
    expect_order(service)
    sources = [Evidence.PULL, Evidence.STATUS, Evidence.STATEMENT] * 4
    start = threading.Barrier(len(sources) + 4)
    failed: list[BaseException] = []

    def run(what: Any) -> None:
        start.wait()
        try:
            what()
        except BaseException as error:  # noqa: BLE001 - reported below
            failed.append(error)

    tasks = [lambda evidence=evidence: book(service, evidence) for evidence in sources]
    tasks += [lambda: post_c2b(service, c2b_body(service)) for _ in range(4)]
    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    [payment] = prompted_first(service)
    assert (payment.status, payment.evidence, order_row(service).received_amount) == (
        "succeeded",
        "statement",
        100,
    )
    assert len(confirmations(service)) == 1
    assert_books_are_right(service, besides=WITHOUT_A_FILE)
