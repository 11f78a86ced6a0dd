"""A person alone cannot say that more arrived than was asked for, or contradict M-Pesa about a receipt."""

from typing import Any

import pytest

from tests.refunds.support import complete
from tests.review.support import pay_and_ask, resolve, to_review
from tests.support import Service


def refused(service: Service, checkout: str, answer: Any, code: str) -> str:
    """Check that a decision is refused and nothing changed; return the message."""
    assert (answer.status_code, answer.json["code"]) == (409, code)
    payment = service.payment(checkout)
    assert (payment["status"], payment["amount"]) == ("review", 100)
    return str(answer.json["message"])


@pytest.fixture
def in_review(service: Service) -> str:
    return to_review(service, service.pending(amount=100))


@pytest.mark.parametrize("receipt", [{}, {"receipt": "SG632NMUAB"}], ids=["none", "not confirmed"])
def test_more_than_asked_needs_a_confirmed_receipt(
    service: Service, in_review: str, receipt: dict[str, str]
) -> None:
    answer = resolve(service, in_review, "settle", amount=101, **receipt)
    message = refused(service, in_review, answer, "receipt_unproven")
    assert f"mpesa status {receipt.get('receipt', 'RECEIPT')}" in message


def test_a_confirmed_receipt_proves_its_own_amount_only(service: Service, in_review: str) -> None:
    receipt = pay_and_ask(service, "130.00")
    for decision in ({"amount": 131}, {"amount": 129}, {"amount": 100}, {}):
        answer = resolve(service, in_review, "settle", receipt=receipt, **decision)
        message = refused(service, in_review, answer, "receipt_amount_differs")
        assert f"130.00 shillings arrived with receipt {receipt}" in message
    data = resolve(service, in_review, "settle", receipt=receipt, amount=130).json["data"]
    assert (data["status"], data["amount"], data["mpesaReceiptNumber"]) == ("succeeded", 130, receipt)


def test_cents_are_never_settled(service: Service, in_review: str) -> None:
    receipt = pay_and_ask(service, "100.50")
    answer = resolve(service, in_review, "settle", receipt=receipt)
    refused(service, in_review, answer, "receipt_amount_differs")


def test_a_receipt_of_another_business_is_refused(service: Service, in_review: str) -> None:
    receipt = pay_and_ask(service, "130.00", shortcode="600000")
    answer = resolve(service, in_review, "settle", receipt=receipt, amount=130)
    message = refused(service, in_review, answer, "receipt_refused")
    assert message.endswith("The money went to another business: 600000.")


def test_a_receipt_of_money_that_went_out_is_refused(service: Service, in_review: str) -> None:
    other = service.paid(order="OTHER", phone="254722000001")
    service.refund(other, 50)
    complete(service)
    receipt = str(service.refunds()[0].receipt)
    answer = resolve(service, in_review, "settle", receipt=receipt)
    refused(service, in_review, answer, "receipt_taken")


def test_no_decision_exceeds_what_mpesa_moves_in_one_transaction(service: Service, in_review: str) -> None:
    answer = resolve(service, in_review, "settle", amount=250_001, receipt="SG632NMUAB")
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_amount")
    assert answer.json["message"] == "M-Pesa moves at most 250000 shillings in one transaction."
