"""A claim that a payment is paid, without its amount or its receipt."""

from typing import Any

import pytest

from mpesa_service.domain.decisions import judge
from mpesa_service.domain.reports import Decision, Verdict
from mpesa_service.domain.states import OPEN, PAID, UNPAID, PaymentStatus
from tests.domain.facts import payment_facts
from tests.domain.reports import RECEIPT, M, S, claim


@pytest.mark.parametrize("status", sorted(OPEN | UNPAID))
@pytest.mark.parametrize(
    "bare",
    [{"amount": None}, {"receipt": None}, {"receipt": ""}, {"amount": None, "receipt": None}],
    ids=str,
)
def test_a_success_without_amount_or_receipt_differs_in_nothing(
    status: PaymentStatus, bare: dict[str, Any]
) -> None:
    assert judge(payment_facts(status), claim(**bare)) == Decision(
        Verdict.DISPUTED,
        "it names no amount or no receipt: Daraja is queried",
        query_daraja=True,
        store_receipt="receipt" not in bare,
    )


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
