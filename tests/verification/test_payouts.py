"""The invariants of payouts find each kind of fault, and no fault in valid data."""

from collections.abc import Callable
from typing import Any

import pytest

from mpesa_service.verification import common
from mpesa_service.verification.common import Tally, Violation
from mpesa_service.verification.payments import verify
from mpesa_service.verification.simulator_ledger import verify_ledger
from tests.payouts.support import (
    PAYBILL,
    POCHI,
    ROW,
    TILL,
    act,
    at_m_pesa,
    complete,
    made,
    pay,
    payouts,
    script,
)
from tests.review.test_payouts import resolve
from tests.support import Service
from tests.verification.support import change


@pytest.fixture
def books(service: Service) -> Service:
    """An approved, finished batch with a paid, a failed and a business payout; and a batch that waits."""
    batch = made(service, {**ROW, "amount": 60_000}, POCHI, PAYBILL)
    act(service, batch, "approve", by="otieno")
    pay(service)
    for payout in at_m_pesa(service):
        code = 2040 if payout.kind == "b2pochi" else 0
        path = f"/simulator/commands/{payout.conversation_id}/complete"
        service.simulator.post(path, {"resultCode": code} if code else {})
    pay(service)
    act(service, made(service, TILL, reference="WAITS"), "pause")
    return service


def found(service: Service) -> list[Violation]:
    return list(verify(service.runtime))


def against(service: Service, ledger: dict[str, Any], settled: bool = True) -> list[str]:
    return [one.sentence for one in verify_ledger(service.runtime, ledger, settled=settled)]


def test_right_books_pass(books: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "BATCH", 1)
    tally = Tally()
    assert list(verify(books.runtime, tally)) == []
    assert list(verify_ledger(books.runtime, books.ledger(), settled=True, tally=tally)) == []
    assert (tally.counts["payouts"], tally.counts["batches"], tally.counts["payouts paid"]) == (4, 2, 2)


BREAKAGES = [
    (
        "payout_trail_is_a_path",
        "should count 1 to",
        "UPDATE payout_events SET sequence = 9 WHERE cause = 'payout_declined'",
    ),
    (
        "payout_trail_is_a_path",
        "not in the transition table",
        "UPDATE payout_events SET cause = 'payout_begun' WHERE cause = 'payout_declined'",
    ),
    (
        "payout_trail_is_a_path",
        "its audit trail ends at succeeded",
        "UPDATE payouts SET status = 'failed' WHERE status = 'succeeded'",
    ),
    (
        "payout_trail_is_a_path",
        "does not begin at running or waiting_approval",
        "UPDATE payout_events SET to_status = 'done' WHERE cause = 'created' AND payout_id IS NULL",
    ),
    ("payout_published_once", "are []", "DELETE FROM outgoing_events WHERE type = 'payout.failed'"),
    ("payout_published_once", "it counts 7", "UPDATE payouts SET outgoing_count = 7"),
    (
        "payout_published_once",
        "payout_batch.done",
        "DELETE FROM outgoing_events WHERE type = 'payout_batch.done'",
    ),
    (
        "payout_is_in_order",
        "no check is scheduled",
        "UPDATE payouts SET status = 'pending' WHERE status = 'succeeded'",
    ),
    (
        "payout_is_in_order",
        "it was not sent yet, but a check is scheduled",
        "UPDATE payouts SET next_check_at = created_at WHERE status = 'waiting'",
    ),
    (
        "payout_is_in_order",
        "in review without a reason",
        "UPDATE payouts SET status = 'review', failure_reason = NULL WHERE status = 'failed'",
    ),
    ("batch_adds_up", "it says 3 rows of 1", "UPDATE payout_batches SET total_amount = 1"),
    (
        "batch_adds_up",
        "closed, but one of its rows is not finished",
        "UPDATE payouts SET status = 'unknown' WHERE status = 'failed'",
    ),
    (
        "batch_adds_up",
        "without a second person's approval",
        "UPDATE payout_batches SET approved_by = NULL",
    ),
    (
        "batch_adds_up",
        "without a second person's approval",
        "UPDATE payout_batches SET approved_by = 'operator:amina' WHERE approved_by IS NOT NULL",
    ),
]


@pytest.mark.parametrize(("rule", "words", "statement"), BREAKAGES, ids=range(len(BREAKAGES)))
def test_a_breakage_is_found(books: Service, rule: str, words: str, statement: str) -> None:
    change(books, statement)
    violations = found(books)
    assert any(one.invariant == rule and words in one.sentence for one in violations), violations


def twice(ledger: dict[str, Any]) -> None:
    ledger["transfers"] += ledger["transfers"]


def nothing_paid(ledger: dict[str, Any]) -> None:
    ledger["transfers"] = []


def another_amount(ledger: dict[str, Any]) -> None:
    ledger["transfers"][0]["amount"] = 501


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (twice, "it was paid 2 times"),
        (nothing_paid, "it is succeeded, but was never paid"),
        (another_amount, "it is 500 shillings, but 501 were paid"),
    ],
)
def test_a_ledger_that_differs_is_found(
    books: Service, spoil: Callable[[dict[str, Any]], None], sentence: str
) -> None:
    ledger = books.ledger()
    spoil(ledger)
    assert against(books, ledger) == [sentence]


def test_money_that_moved_for_what_is_called_failed_is_found(books: Service) -> None:
    change(books, "UPDATE payouts SET status = 'failed' WHERE type = 'paybill'")
    [sentence] = against(books, books.ledger())
    assert sentence.startswith("it is failed, but was paid (")


def test_what_is_final_must_be_known_once_settled(service: Service) -> None:
    made(service)
    script(service, callback="lost")
    pay(service)
    complete(service)
    assert against(service, service.ledger(), settled=False) == []
    assert against(service, service.ledger()) == ["it is pending, but M-Pesa has ended it"]


def test_what_a_person_settled_needs_no_payment(books: Service) -> None:
    [row] = [row for row in payouts(books) if row.status == "failed"]
    change(books, f"UPDATE payouts SET status = 'review' WHERE id = '{row.id}'")
    assert resolve(books, row.id, "settle").status_code == 200
    assert against(books, books.ledger()) == []
