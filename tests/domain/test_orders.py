"""What customers type, and what money makes of an order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.domain.orders import (
    KEY_LIMIT,
    AmountRule,
    OrderStatus,
    SurplusPart,
    order_status,
    reference_key,
    surplus_parts,
)

SPELLINGS = ["ORDER-1001", "order 1001", " Order_1001 ", "#order.1001", "ORDER1001", "order\t1001"]


@pytest.mark.parametrize("typed", SPELLINGS)
def test_all_spellings_of_a_reference_come_to_one(typed: str) -> None:
    assert reference_key(typed) == "order1001"


def test_other_references_are_others() -> None:
    assert len({reference_key(typed) for typed in ("ORDER1", "ORDER2", "0RDER1", "ORDER11")}) == 4


def test_nothing_but_signs_is_nothing() -> None:
    assert reference_key(" -_#. ") == reference_key("") == ""


@given(st.text(max_size=200))
def test_a_key_is_its_own_key(typed: str) -> None:
    key = reference_key(typed)
    assert reference_key(key) == key
    assert len(key) <= KEY_LIMIT
    assert key.isalnum() or key == ""


@pytest.mark.parametrize("rule", [None, *AmountRule])
@pytest.mark.parametrize(
    ("received", "status"),
    [
        (0, OrderStatus.OPEN),
        (1, OrderStatus.PARTIALLY_PAID),
        (99, OrderStatus.PARTIALLY_PAID),
        (100, OrderStatus.PAID),
    ],
)
def test_up_to_what_is_due(received: int, status: OrderStatus, rule: AmountRule | None) -> None:
    assert order_status(100, received, rule) is status


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        (None, OrderStatus.OVERPAID),
        (AmountRule.EXACT, OrderStatus.OVERPAID),
        (AmountRule.MINIMUM, OrderStatus.PAID),
        (AmountRule.ANY, OrderStatus.PAID),
    ],
)
def test_more_is_paid_only_by_the_orders_own_rule(rule: AmountRule | None, status: OrderStatus) -> None:
    assert order_status(100, 101, rule) is status


@given(st.integers(-5, 60), st.lists(st.integers(0, 30), max_size=4))
def test_a_surplus_is_returned_from_the_first_payments(surplus: int, refundable: list[int]) -> None:
    payments = [
        SurplusPart(str(number), amount, needs_phone=True) for number, amount in enumerate(refundable)
    ]
    parts = surplus_parts(surplus, payments)
    assert sum(part.amount for part in parts) == max(0, min(surplus, sum(refundable)))
    assert all(0 < part.amount <= refundable[int(part.payment_id)] for part in parts)
    taken = [int(part.payment_id) for part in parts]
    assert taken == sorted(taken)
    assert all(part.amount == refundable[int(part.payment_id)] for part in parts[:-1]), (
        "only the last in part"
    )
