"""Which actions wait for a second person."""

import pytest

from mpesa_service.domain.outflow import LIMITS, LastDay, Limit, Limits, Outflow, limits_exceeded

RULES = Limits(single=500, maker_day=1_000, payee_day=600)
CASES = [
    (Outflow(500, {"a": 500}), LastDay(), ()),
    (Outflow(501, {"a": 501}), LastDay(), (Limit.SINGLE,)),
    (Outflow(100, {"a": 100}), LastDay(maker=900), ()),
    (Outflow(101, {"a": 101}), LastDay(maker=900), (Limit.MAKER_DAY,)),
    (Outflow(100, {"a": 100}), LastDay(payees={"a": 500}), ()),
    (Outflow(101, {"a": 101}), LastDay(payees={"a": 500}), (Limit.PAYEE_DAY,)),
    (Outflow(101, {"a": 101}), LastDay(payees={"b": 600}), ()),
    (Outflow(400, {"a": 200, "b": 200}), LastDay(payees={"b": 401}), (Limit.PAYEE_DAY,)),
    (Outflow(300), LastDay(), ()),
    (Outflow(1, own=True), LastDay(), (Limit.OWN,)),
    (
        Outflow(601, {"a": 601}, own=True),
        LastDay(400),
        (Limit.SINGLE, Limit.MAKER_DAY, Limit.PAYEE_DAY, Limit.OWN),
    ),
]


@pytest.mark.parametrize(("outflow", "last_day", "exceeded"), CASES)
def test_the_rule(outflow: Outflow, last_day: LastDay, exceeded: tuple[Limit, ...]) -> None:
    assert limits_exceeded(outflow, last_day, RULES) == exceeded


def test_a_limit_of_zero_is_exceeded_by_every_action() -> None:
    assert limits_exceeded(Outflow(1), LastDay(), Limits(0, 10, 10)) == (Limit.SINGLE,)


def test_each_limit_has_a_sentence() -> None:
    assert set(LIMITS) == set(Limit)
