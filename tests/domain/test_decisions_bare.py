"""A claim that a payment is paid, without its amount or its receipt."""

from dataclasses import replace
from typing import Any

import pytest

from mpesa_service.domain.decisions import judge
from mpesa_service.domain.reports import Decision, Note, Outcome, Verdict
from mpesa_service.domain.states import OPEN, PAID, UNPAID, PaymentStatus
from tests.domain.facts import payment_facts
from tests.domain.reports import NOT_PAID, OTHER_RECEIPT, RECEIPT, M, S, claim, negative, query


@pytest.mark.parametrize("status", sorted(OPEN | UNPAID))
@pytest.mark.parametrize(
    "bare",
    [{"amount": None}, {"receipt": None}, {"receipt": ""}, {"amount": None, "receipt": None}],
    ids=str,
)
def test_a_success_without_amount_or_receipt_is_put_to_daraja(
    status: PaymentStatus, bare: dict[str, Any]
) -> None:
    first = Decision(
        Verdict.DISPUTED,
        "M-Pesa reports success without an amount or a receipt: Daraja is queried",
        query_daraja=True,
        store_receipt="receipt" not in bare,
        mismatch=M.INCOMPLETE,
        note=Note.INCOMPLETE_SUCCESS,
    )
    assert judge(payment_facts(status), claim(**bare)) == first
    for known in (M.INCOMPLETE, M.AMOUNT):
        assert judge(payment_facts(status, mismatch=known), claim(**bare)) == replace(
            first, mismatch=None, note=None
        )


@pytest.mark.parametrize("status", sorted(OPEN))
class TestAfterASuccessWithoutAmount:
    @pytest.mark.parametrize("outcome", NOT_PAID)
    def test_a_failure_is_put_to_daraja_and_noted(self, status: PaymentStatus, outcome: Outcome) -> None:
        decision = judge(payment_facts(status, mismatch=M.INCOMPLETE), claim(outcome))
        assert (decision.verdict, decision.edge, decision.note) == (
            Verdict.DISPUTED,
            None,
            Note.FAILURE_AFTER_SUCCESS,
        )
        assert decision.query_daraja
        assert decision.reason.startswith(
            "M-Pesa first reported success without an amount or a receipt, and "
        )

    @pytest.mark.parametrize("outcome", NOT_PAID)
    def test_a_second_negative_query_result_sends_it_to_review(
        self, status: PaymentStatus, outcome: Outcome
    ) -> None:
        facts = payment_facts(status, mismatch=M.INCOMPLETE, negative_result=negative())
        decision = judge(facts, query(outcome))
        assert (decision.verdict, decision.edge) == (Verdict.APPLIED, "contradicted")
        assert "first reported success" in decision.reason

    def test_daraja_confirms_it(self, status: PaymentStatus) -> None:
        decision = judge(payment_facts(status, mismatch=M.INCOMPLETE), query(Outcome.PAID))
        assert (decision.edge, decision.mismatch_resolved) == ("paid", True)


def test_two_receipts_are_a_mismatch_once_daraja_confirms_one() -> None:
    first = payment_facts(mismatch=M.INCOMPLETE, claimed_receipt=OTHER_RECEIPT)
    paid = judge(first, claim())
    assert (paid.edge, paid.query_daraja, paid.mismatch_resolved) == ("paid", True, False)
    known = payment_facts(S.SUCCEEDED, receipt=RECEIPT, mismatch=M.INCOMPLETE, claimed_receipt=OTHER_RECEIPT)
    assert judge(known, query(Outcome.PAID)).edge == "contradicted"


@pytest.mark.parametrize("status", [*sorted(PAID), S.REVIEW])
def test_a_success_without_a_receipt_has_no_effect_later(status: PaymentStatus) -> None:
    decision = judge(payment_facts(status), claim(amount=None, receipt=None))
    assert (decision.verdict, decision.query_daraja, decision.mismatch) == (Verdict.NOTED, False, None)


@pytest.mark.parametrize("status", sorted(PAID))
def test_a_receipt_without_an_amount_is_stored_once_it_is_paid(status: PaymentStatus) -> None:
    assert judge(payment_facts(status), claim(amount=None)) == Decision(
        Verdict.APPLIED, "it names the receipt", store_receipt=True
    )


def test_a_receipt_without_an_amount_may_be_another_payments() -> None:
    assert judge(payment_facts(receipt_taken=True), claim(amount=None)).mismatch is M.RECEIPT


def test_the_receipt_with_a_fractional_amount_is_no_repetition() -> None:
    known = payment_facts(S.SUCCEEDED, receipt=RECEIPT)
    assert judge(known, claim(amount=None)).verdict is Verdict.DUPLICATE
    assert judge(known, claim(amount=None, fractional=True)).mismatch is M.AMOUNT
