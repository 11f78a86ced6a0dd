"""What the simulator says that it moved is compared with the stored data."""

from collections.abc import Callable
from typing import Any

import pytest

from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.review.decision import OperatorDecision, Resolution
from mpesa_service.review.payments import resolve
from mpesa_service.verification.payments import Tally, Violation
from mpesa_service.verification.simulator_ledger import verify_ledger
from tests.support import Service
from tests.verification.support import OTHER, assert_one, change, row_of


def against(service: Service, ledger: dict[str, Any], settled: bool = True) -> list[Violation]:
    return list(verify_ledger(service.runtime, ledger, settled=settled))


def twice(ledger: dict[str, Any], kind: str) -> None:
    ledger[kind] += ledger[kind]


def without(kind: str) -> Callable[[dict[str, Any]], None]:
    return lambda ledger: ledger.update({kind: []})


def with_first(kind: str, **changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda ledger: ledger[kind][0].update(changes)


LEDGERS: list[tuple[str, str, Callable[[dict[str, Any]], None]]] = [
    ("every_debit_is_one_success", "debited 2 times", lambda ledger: twice(ledger, "debits")),
    ("every_debit_is_one_success", "never debited", without("debits")),
    ("every_debit_is_one_success", "the debit is 99", with_first("debits", amount=99)),
    ("every_debit_is_one_success", "the debit's is OTHER", with_first("debits", receipt="OTHER")),
    ("every_debit_is_one_success", "phone is not the payment's", with_first("debits", msisdn=OTHER)),
    ("refunds_credit_once", "credited 2 times", lambda ledger: twice(ledger, "credits")),
    ("refunds_credit_once", "never credited", without("credits")),
    ("refunds_credit_once", "its credit is 101", with_first("credits", amount=101)),
    ("refunds_credit_once", "101 shillings were refunded of 100", with_first("credits", amount=101)),
    ("prompted_once", "it has 2 prompts", lambda ledger: twice(ledger, "prompts")),
]


@pytest.mark.parametrize(("rule", "words", "spoil"), LEDGERS, ids=[case[1] for case in LEDGERS])
def test_a_ledger_that_differs_is_found(
    books: Service, rule: str, words: str, spoil: Callable[[dict[str, Any]], None]
) -> None:
    ledger = books.ledger()
    spoil(ledger)
    assert_one(against(books, ledger), rule, words)


def test_money_that_moved_for_what_is_called_failed_is_found(books: Service) -> None:
    change(
        books,
        "UPDATE payments SET status = 'failed' WHERE order_id = 'ORDER1'",
        "UPDATE refunds SET status = 'failed'",
    )
    violations = against(books, books.ledger())
    assert {one.invariant for one in violations} == {"every_debit_is_one_success", "refunds_credit_once"}
    assert "but the customer was debited" in violations[0].sentence
    assert "is failed, but was credited" in violations[1].sentence


def test_what_is_final_must_be_known_once_settled(books: Service) -> None:
    books.refund(row_of(books, "ORDER1").id, 20)
    ledger = books.ledger()
    ledger["prompts"][2]["state"] = "paid"
    ledger["payouts"][1]["state"] = "completed"
    assert against(books, ledger, settled=False) == []
    assert_one(
        against(books, ledger),
        "final_is_known",
        "it is pending, but its prompt is paid",
        "is pending, but its payout is completed",
    )


def test_strangers_at_m_pesa_are_found(books: Service) -> None:
    ledger = books.ledger()
    ledger["prompts"].append({**ledger["prompts"][0], "checkoutRequestId": "x", "callbackUrl": "http://x/y"})
    ledger["payouts"].append({**ledger["payouts"][0], "conversationId": "x", "resultUrl": "http://x/y"})
    assert_one(against(books, ledger), "intent_came_first", "a prompt that is not in", "a payout that is")


def test_an_answered_callback_that_was_not_kept_is_found(books: Service) -> None:
    change(books, "DELETE FROM callback_inbox WHERE kind = 'stk'")
    sentence = "1 callback to one address was answered 200, but 0"
    assert_one(against(books, books.ledger()), "answered_is_stored", sentence)


def test_debits_in_review_are_counted_not_blamed(books: Service) -> None:
    change(books, "UPDATE payments SET status = 'review' WHERE order_id = 'ORDER1'")
    tally = Tally()
    assert list(verify_ledger(books.runtime, books.ledger(), settled=True, tally=tally)) == []
    assert tally.counts["debits in review"] == 1


def test_what_a_person_settled_needs_no_debit(books: Service) -> None:
    payment = row_of(books, "ORDER3")
    change(books, f"UPDATE payments SET status = 'review', next_check_at = NULL WHERE id = '{payment.id}'")
    resolve(books.runtime, principal(), payment.id, OperatorDecision(Resolution.SETTLE, "on the statement"))
    assert against(books, books.ledger()) == []


def test_a_refund_that_a_person_settled_needs_no_credit(books: Service) -> None:
    payment = row_of(books, "ORDER1")
    books.refund(payment.id, 20)
    change(books, "UPDATE refunds SET status = 'review' WHERE amount = 20")
    resolve(books.runtime, principal(), payment.id, OperatorDecision(Resolution.SETTLE, "on the statement"))
    assert against(books, books.ledger()) == []


def principal() -> Principal:
    return Principal("operator:amina", frozenset({ADMIN}))
