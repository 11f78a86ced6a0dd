"""The rules that accept or refuse a C2B payment."""

import pytest

from mpesa_service.domain.orders import AmountRule, OrderStatus, ReferenceRule, WhenUnsure
from mpesa_service.domain.validation import (
    Expectation,
    Known,
    Objection,
    ShortcodeRules,
    StartedPayments,
    objection,
)

OPEN_ORDER = Expectation(OrderStatus.OPEN, 100)
PART_PAID = Expectation(OrderStatus.PARTIALLY_PAID, 60)


def rule(reference: str = "open", amount: str = "any", unsure: str = "accept") -> ShortcodeRules:
    return ShortcodeRules(ReferenceRule(reference), AmountRule(amount), WhenUnsure(unsure))


@pytest.mark.parametrize(
    ("amount_rule", "amount", "order", "found"),
    [
        ("exact", 100, OPEN_ORDER, None),
        ("exact", 99, OPEN_ORDER, Objection.AMOUNT),
        ("exact", 101, OPEN_ORDER, Objection.AMOUNT),
        ("exact", 60, PART_PAID, None),
        ("exact", 100, PART_PAID, Objection.AMOUNT),
        ("minimum", 99, OPEN_ORDER, Objection.AMOUNT),
        ("minimum", 100, OPEN_ORDER, None),
        ("minimum", 500, OPEN_ORDER, None),
        ("any", 1, OPEN_ORDER, None),
    ],
)
def test_the_amount_of_an_order(
    amount_rule: str, amount: int, order: Expectation, found: Objection | None
) -> None:
    assert objection(rule(amount=amount_rule), amount, Known(order)) is found


@pytest.mark.parametrize(
    ("own", "of_shortcode", "found"),
    [("exact", "any", Objection.AMOUNT), ("any", "exact", None), ("minimum", "exact", None)],
)
def test_an_orders_own_amount_rule_comes_first(own: str, of_shortcode: str, found: Objection | None) -> None:
    order = Expectation(OrderStatus.OPEN, 100, AmountRule(own))
    assert objection(rule(amount=of_shortcode), 150, Known(order)) is found


@pytest.mark.parametrize("status", sorted(set(OrderStatus) - {OrderStatus.OPEN, OrderStatus.PARTIALLY_PAID}))
def test_an_order_that_takes_no_more(status: OrderStatus) -> None:
    assert objection(rule(), 100, Known(Expectation(status, 100))) is Objection.ORDER


def test_an_expired_order_whose_status_is_still_open() -> None:
    order = Expectation(OrderStatus.OPEN, 100, expired=True)
    assert objection(rule(), 100, Known(order)) is Objection.ORDER


@pytest.mark.parametrize("amount", [None, 0])
def test_what_is_no_amount_of_whole_shillings(amount: int | None) -> None:
    assert objection(rule(), amount, Known()) is Objection.AMOUNT


class TestWithoutAnOrder:
    @pytest.mark.parametrize(("reference", "found"), [("open", None), ("known", Objection.ACCOUNT)])
    def test_nothing_is_known(self, reference: str, found: Objection | None) -> None:
        assert objection(rule(reference), 100, Known()) is found

    @pytest.mark.parametrize(("unsure", "found"), [("accept", None), ("reject", Objection.UNSURE)])
    def test_a_till_has_no_reference(self, unsure: str, found: Objection | None) -> None:
        assert objection(rule("known", unsure=unsure), 100, Known(could_type_reference=False)) is found

    @pytest.mark.parametrize(("unsure", "found"), [("accept", None), ("reject", Objection.UNSURE)])
    def test_several_orders_may_be_meant(self, unsure: str, found: Objection | None) -> None:
        assert objection(rule("known", unsure=unsure), 100, Known(ambiguous=True)) is found

    @pytest.mark.parametrize(
        ("amount_rule", "amount", "found"),
        [("exact", 100, None), ("exact", 90, Objection.AMOUNT), ("any", 90, None)],
    )
    def test_a_payment_that_was_started(self, amount_rule: str, amount: int, found: Objection | None) -> None:
        known = Known(started=StartedPayments(frozenset(), 100))
        assert objection(rule("known", amount_rule), amount, known) is found

    def test_a_payment_that_is_paid_is_not_paid_again(self) -> None:
        assert objection(rule(), 100, Known(started=StartedPayments(frozenset(), None))) is Objection.ORDER


def test_the_money_of_a_prompt_that_waits_is_let_through() -> None:
    """Whatever became of the order since: we requested the payment ourselves."""
    canceled = Expectation(OrderStatus.CANCELED, 100)
    known = Known(canceled, StartedPayments(frozenset({100}), 100))
    assert objection(rule("known", "exact"), 100, known) is None
    assert objection(rule("known", "exact"), 90, known) is Objection.ORDER
