"""The plan of the day is drawn from its seed, and its customers do not share numbers."""

import pytest

from daraja_simulator.errors import ControlError
from daraja_simulator.faults import check_rates
from devtools.day.plan import FAULTS, GROUPS, Size, draw, is_of, phone


def test_the_size_of_the_day() -> None:
    plan = draw(Size(), 1)
    assert (len(plan.stk), len(plan.c2b), len(plan.unmatched)) == (500, 280, 20)
    assert (plan.refunds, len(plan.payouts)) == (50, 200)


def test_the_seed_decides_the_day() -> None:
    assert draw(Size(), 7) == draw(Size(), 7)
    assert draw(Size(), 7).stk != draw(Size(), 8).stk


def test_a_smaller_day_has_some_of_everything() -> None:
    small = Size().smaller(100)
    assert small == Size(stk=5, c2b=3, unmatched=2, refunds=2, payouts=2)


def test_phone_numbers_are_unique_and_choose_no_outcome() -> None:
    plan = draw(Size(), 1)
    customers = [one.msisdn for ones in (plan.stk, plan.c2b, plan.unmatched, plan.payouts) for one in ones]
    assert len(set(customers)) == len(customers)
    assert all(len(msisdn) == 12 for msisdn in customers)
    assert not any(msisdn[6:8] == "99" for msisdn in customers), "such a number chooses an outcome"
    assert [group for group in GROUPS if is_of(phone("payout", 1), group)] == ["payout"]


def test_the_simulator_knows_every_fault() -> None:
    check_rates(FAULTS)
    with pytest.raises(ControlError, match="unknown fault"):
        check_rates(FAULTS | {"b2c.rain": 0.1})


def test_unmatched_references_are_no_orders() -> None:
    plan = draw(Size(), 1)
    assert not {sale.reference for sale in plan.unmatched} & {sale.order for sale in plan.c2b}
