"""The invariants find each kind of fault, and no fault in valid data."""

import json
from typing import Any

import pytest

from mpesa_service.callbacks.receive import receive
from mpesa_service.core.inbox import Posted
from mpesa_service.domain.callbacks import CallbackKind
from mpesa_service.verification import common
from mpesa_service.verification.payments import Tally, Violation, verify
from mpesa_service.verification.simulator_ledger import verify_ledger
from tests.callbacks.support import stk_body
from tests.support import Service
from tests.verification.support import OTHER, assert_one, change, row_of


def found(service: Service) -> list[Violation]:
    return list(verify(service.runtime))


def test_right_books_pass(books: Service) -> None:
    tally = Tally()
    assert list(verify(books.runtime, tally)) == []
    assert list(verify_ledger(books.runtime, books.ledger(), settled=True, tally=tally)) == []
    assert tally.counts == {
        "confirmations": 0,
        "orders": 0,
        "payments": 3,
        "refunds": 1,
        "outgoing events": 4,
        "review": 0,
        "callbacks": 3,
        "keys": 2,
        "debits": 1,
        "debits in review": 0,
        "discrepancies": 0,
        "callbacks answered": 3,
    }


def test_every_batch_is_read(books: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "BATCH", 1)
    tally = Tally()
    assert list(verify(books.runtime, tally)) == []
    assert (tally.counts["payments"], tally.counts["keys"]) == (3, 2)


def test_the_trail_of_a_dispute_is_a_path(books: Service) -> None:
    """Notes are between the transitions, and a refund's transitions between the payment's."""
    payment = row_of(books, "ORDER3")
    receive(books.runtime, Posted(CallbackKind.STK, "no-such-token", b"{", {}, None))
    checkout = books.runtime.encryption.decrypt(payment.checkout_id_encrypted or b"")
    body = json.dumps(stk_body(books, checkout, phone=254722000002, amount=99.0)).encode()
    assert (
        books.app.test_client()
        .post(books.callback_url(checkout).removeprefix(books.url), data=body)
        .status_code
        == 200
    )
    assert "disputed" in [event.cause for event in books.events(payment.id)]
    assert found(books) == []


BREAKAGES: list[tuple[str, str, str]] = [
    (
        "trail_is_a_path",
        "should count 1 to",
        "UPDATE payment_events SET sequence = 9 WHERE cause = 'canceled_by_customer'",
    ),
    (
        "trail_is_a_path",
        "is failed, but its audit trail ends at canceled",
        "UPDATE payments SET status = 'failed' WHERE status = 'canceled'",
    ),
    (
        "trail_is_a_path",
        "does not begin at submitting",
        (
            "UPDATE payment_events SET to_status = 'pending', from_status = 'unknown' WHERE cause = 'created'"
            " AND payment_id = (SELECT id FROM payments WHERE order_id = 'ORDER3')"
        ),
    ),
    (
        "trail_is_a_path",
        "leaves unknown, but the one before ended at submitting",
        (
            "UPDATE payment_events SET from_status = 'unknown' WHERE cause = 'push_accepted'"
            " AND payment_id = (SELECT id FROM payments WHERE order_id = 'ORDER3')"
        ),
    ),
    (
        "trail_is_a_path",
        "(lock_released) is a note, yet changes the status",
        "UPDATE payment_events SET cause = 'lock_released' WHERE cause = 'push_accepted'",
    ),
    (
        "trail_is_a_path",
        "from pending to canceled, which is not in the transition table",
        "UPDATE payment_events SET cause = 'timed_out' WHERE cause = 'canceled_by_customer'",
    ),
    (
        "published_once",
        "should be 1 payment.canceled and are none",
        "DELETE FROM outgoing_events WHERE type = 'payment.canceled'",
    ),
    (
        "published_once",
        "and are 7 payment.canceled",
        "UPDATE outgoing_events SET sequence = 7 WHERE type = 'payment.canceled'",
    ),
    ("published_once", "it counts 5 outgoing events", "UPDATE payments SET outgoing_count = 5"),
    ("refunds_add_up", "it says 40 refunded", "UPDATE payments SET refunded_amount = 40 WHERE amount = 100"),
    ("refunds_add_up", "120 shillings are refunded", "UPDATE refunds SET reserved_amount = 90"),
    ("refunds_add_up", "reserves 5 of 30", "UPDATE refunds SET reserved_amount = 5"),
    ("refunds_add_up", "counts 2 refunds and has 1", "UPDATE payments SET refund_count = 2"),
    (
        "refunds_add_up",
        "it is partially_refunded with 100 of 100",
        (
            "UPDATE refunds SET amount = 100; UPDATE payments SET refunded_amount = 100"
            " WHERE status = 'partially_refunded'"
        ),
    ),
    (
        "refunds_add_up",
        "it is partially_refunded with 0 of 100",
        "UPDATE refunds SET amount = 1; UPDATE payments SET refunded_amount = 0",
    ),
    ("open_is_due", "it is pending, but no check", "UPDATE payments SET next_check_at = NULL"),
    ("inbox_is_worked_off", "is failed after 1 attempts", "UPDATE callback_inbox SET verdict = 'failed'"),
    ("callbacks_are_read", "cannot be read", "UPDATE callback_inbox SET verdict = 'unread'"),
    (
        "one_key_one_resource",
        "which does not exist",
        "UPDATE idempotency_keys SET resource_id = 'nowhere'",
    ),
    (
        "one_key_one_resource",
        "another key names",
        "UPDATE idempotency_keys SET resource_id = (SELECT id FROM payments WHERE order_id = 'ORDER1')",
    ),
    (
        "one_key_one_resource",
        "its answer is not about",
        (
            "UPDATE idempotency_keys SET resource_id = (SELECT id FROM payments WHERE order_id = 'ORDER1')"
            " WHERE operation = 'initiate'"
        ),
    ),
]


@pytest.mark.parametrize(("rule", "words", "statements"), BREAKAGES, ids=[b[1] for b in BREAKAGES])
def test_a_breakage_is_found(books: Service, rule: str, words: str, statements: str) -> None:
    change(books, *statements.split(";"))
    violations = found(books)
    assert any(one.invariant == rule and words in one.sentence for one in violations), violations


def test_reviews_name_their_reason_and_refunds_in_review_may_differ(books: Service) -> None:
    in_review = "UPDATE payments SET status = 'review', next_check_at = NULL WHERE order_id = 'ORDER3'"
    of_refund = "UPDATE refunds SET status = 'review', reserved_amount = 5"
    change(books, in_review, of_refund)
    rules = {(one.invariant, one.sentence.split()[0]) for one in found(books)}
    assert {("review_says_why", "it"), ("review_says_why", "refund")} <= rules
    change(books, "UPDATE payments SET failure_reason = 'x'", "UPDATE refunds SET failure_reason = 'x'")
    assert "review_says_why" not in {one.invariant for one in found(books)}


def test_a_refund_without_a_next_check_is_found(books: Service) -> None:
    books.refund(row_of(books, "ORDER1").id, 20)
    assert found(books) == []
    change(books, "UPDATE refunds SET next_check_at = NULL")
    assert_one(found(books), "open_is_due", "is pending, but no check is scheduled")


class TestCommand:
    def run(self, service: Service, *words: str) -> Any:
        return service.app.test_cli_runner().invoke(args=["mpesa", "verify", *words])

    def test_right_books(self, books: Service) -> None:
        result = self.run(books)
        assert (result.exit_code, "Every rule holds." in result.output) == (0, True), result.output
        assert "payments: 3" in result.output

    def test_with_a_ledger(self, books: Service) -> None:
        result = self.run(books, "--ledger", books.simulator.url, "--settled", "--json")
        assert result.exit_code == 0
        assert json.loads(result.output)["checked"]["debits"] == 1

    def test_broken_books(self, books: Service) -> None:
        change(books, "UPDATE payments SET next_check_at = NULL")
        result = self.run(books)
        assert result.exit_code == 1
        assert "open_is_due" in result.output
        assert "Violations: 1." in result.output
        report = json.loads(self.run(books, "--json").output)
        assert report["broken"] == {"open_is_due": 1}
        assert report["violations"][0]["sentence"] == "it is pending, but no check is scheduled"

    def test_no_more_is_shown_than_a_screen_holds(
        self, books: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mpesa_service.cli.verify.SHOWN", 1)
        change(books, "UPDATE payments SET next_check_at = NULL, refund_count = 7")
        report = json.loads(self.run(books, "--json").output)
        assert (len(report["violations"]), sum(report["broken"].values())) == (1, 4)

    def test_no_ledger_there(self, books: Service) -> None:
        result = self.run(books, "--ledger", "http://127.0.0.1:9")
        assert result.exit_code == 1
        assert "The ledger could not be read: ConnectionError." in result.output


def test_a_key_that_is_not_answered_yet_is_not_wrong(books: Service) -> None:
    change(books, "UPDATE idempotency_keys SET answer_body = NULL, answer_status = NULL")
    assert found(books) == []


def test_keys_of_requests_about_one_receipt_may_share_an_inquiry(service: Service) -> None:
    body = {"msisdn": OTHER, "amount": 50, "billRefNumber": "ORDER1"}
    receipt = service.simulator.post("/simulator/c2b", body)["transId"]
    for key in ("first", "second"):
        answer = service.call(
            "POST", f"/receipts/{receipt}/book", {}, by="boss", admin=True, Idempotency_Key=key
        )
        assert answer.status_code == 202
    assert found(service) == []
