"""The day is drawn from its seed, and its people do not get in each other's way."""

from daraja_simulator.faults import check_rates
from devtools.day.plan import FAULTS, STREAMS, Size, draw, is_of, phone


def test_the_size_is_that_of_the_issue() -> None:
    plan = draw(Size(), 1)
    assert (len(plan.prompted), len(plan.expected), len(plan.strange)) == (500, 280, 20)
    assert (plan.refunds, len(plan.wages)) == (50, 200)


def test_the_same_seed_draws_the_same_day_and_another_another() -> None:
    assert draw(Size(), 7) == draw(Size(), 7)
    assert draw(Size(), 7).prompted != draw(Size(), 8).prompted


def test_a_smaller_day_has_some_of_everything() -> None:
    small = Size().smaller(100)
    assert small == Size(stk=5, menu=3, unknown_references=2, refunds=2, payouts=2)


def test_everybody_has_a_number_of_their_own() -> None:
    plan = draw(Size(), 1)
    people = [one.msisdn for ones in (plan.prompted, plan.expected, plan.strange, plan.wages) for one in ones]
    assert len(set(people)) == len(people)
    assert all(len(msisdn) == 12 for msisdn in people)
    assert not any(msisdn[6:8] == "99" for msisdn in people), "that would choose an outcome"
    assert [stream for stream in STREAMS if is_of(phone("payout", 1), stream)] == ["payout"]


def test_the_simulator_knows_every_fault() -> None:
    check_rates(FAULTS)


def test_no_reference_that_fits_nothing_is_one_typo_from_an_order() -> None:
    plan = draw(Size(), 1)
    assert not {sale.reference for sale in plan.strange} & {sale.order for sale in plan.expected}
