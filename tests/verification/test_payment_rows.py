"""The invariants of a payment's own row find each fault, and no fault in what the service writes."""

import pytest

from mpesa_service.verification.payments import Violation, verify
from tests.c2b.support import confirm
from tests.callbacks.support import post, stk_body
from tests.orders.test_expected import OTHER, expect_order
from tests.support import Service
from tests.verification.support import change

OPEN, CANCELED, PAID = "order_id = 'ORDER3'", "order_id = 'ORDER2'", "order_id = 'ORDER1'"

BREAKAGES = [
    ("ended_is_dated", "pending, but has a time", f"SET completed_at = created_at WHERE {OPEN}"),
    ("ended_is_dated", "canceled, but has no time", f"SET completed_at = NULL WHERE {CANCELED}"),
    ("paid_is_sourced", "without a source", f"SET paid_at = created_at, paid_at_source = NULL WHERE {PAID}"),
    (
        "paid_is_sourced",
        "is query, which",
        f"SET paid_at = created_at, paid_at_source = 'query' WHERE {PAID}",
    ),
    (
        "paid_is_sourced",
        "canceled, but has M-Pesa's time",
        f"SET paid_at = created_at, paid_at_source = 'callback' WHERE {CANCELED}",
    ),
    ("ended_is_dated", "partially_refunded, but has no time", f"SET completed_at = NULL WHERE {PAID}"),
    (
        "locks_follow_status",
        "canceled, but holds a phone lock",
        f"SET phone_lock = phone_hash WHERE {CANCELED}",
    ),
    ("locks_follow_status", "phone lock is that of another", f"SET phone_lock = 'x' WHERE {OPEN}"),
    ("locks_follow_status", "order lock is that of another", f"SET order_lock = 'ORDER9' WHERE {OPEN}"),
    (
        "locks_follow_status",
        "canceled, but holds an order lock",
        f"SET order_lock = order_id WHERE {CANCELED}",
    ),
    ("locks_follow_status", "pending, but holds no phone lock", f"SET phone_lock = NULL WHERE {OPEN}"),
    ("locks_follow_status", "pending, but holds no order lock", f"SET order_lock = NULL WHERE {OPEN}"),
    ("locks_follow_status", "refunded, but holds no order lock", f"SET order_lock = NULL WHERE {PAID}"),
]


def found(service: Service) -> list[Violation]:
    return list(verify(service.runtime))


@pytest.mark.parametrize(("rule", "words", "statement"), BREAKAGES, ids=[b[1] for b in BREAKAGES])
def test_a_breakage_is_found(books: Service, rule: str, words: str, statement: str) -> None:
    assert found(books) == []
    change(books, f"UPDATE payments {statement}")
    violations = found(books)
    assert {one.invariant for one in violations} == {rule}, violations
    assert any(words in one.sentence for one in violations), violations


def test_a_counted_payment_holds_no_order_lock(service: Service) -> None:
    expect_order(service)
    service.paid()
    assert found(service) == []
    change(service, "UPDATE payments SET order_lock = order_id")
    assert [one.sentence for one in found(service)] == [
        "it is succeeded and counted, but holds an order lock"
    ]


def test_locks_that_were_released(service: Service) -> None:
    """The prompt expired, a second payment took both locks, and the first one is paid after all."""
    service.simulator.post("/simulator/script", {"for": "stk_query", "fault": "error_5xx", "times": 99})
    service.simulator.post("/simulator/script", {"for": "stk_push", "callback": "lost"})
    checkout = service.pending()
    service.simulator.post(f"/simulator/prompts/{checkout}/expire")
    service.clock.advance(180)
    second = service.pending()
    assert (service.row(checkout).order_lock, service.row(checkout).phone_lock) == (None, None)
    assert found(service) == []
    post(service.callback_url(checkout), stk_body(service, checkout))
    assert (service.row(checkout).order_lock, service.row(second).order_lock) == ("ORDER1", None)
    assert found(service) == []


def test_locks_of_a_payment_that_failed_and_was_paid(service: Service) -> None:
    checkout = service.pending()
    service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
    service.initiate(phone=OTHER)
    confirm(service)
    assert service.row(checkout).order_lock == "ORDER1"
    assert found(service) == []
