"""How long the client waits, and what it never sends twice."""

import random

import pytest

from mpesa_service.daraja import InvalidToken, NotSent, OutcomeUnknown, Refused, Throttled
from mpesa_service.daraja.error_codes import error_entry
from mpesa_service.daraja.sending import Pauses, may_retry


class Edge(random.Random):
    """A source that always gives one end of the range."""

    def __init__(self, end: int) -> None:
        super().__init__()
        self.end = end

    def uniform(self, a, b):
        return (a, b)[self.end]


@pytest.mark.parametrize(("end", "naps"), [(0, [0.5, 1.0]), (1, [1.0, 2.0])])
def test_two_waits_and_no_third(clock, end, naps):
    pauses = Pauses(clock.sleep, Edge(end), clock.monotonic)
    assert [pauses.take() for _ in range(3)] == [True, True, False]
    assert clock.naps == naps


def test_the_provider_may_require_a_longer_wait(clock):
    pauses = Pauses(clock.sleep, Edge(1), clock.monotonic)
    assert pauses.take(2.5)
    assert not pauses.take()  # 2.5 + 2 would be more than 4 s
    assert clock.naps == [2.5]


def test_the_provider_may_not_require_too_long_a_wait(clock):
    pauses = Pauses(clock.sleep, Edge(0), clock.monotonic)
    assert not pauses.take(4.1)
    assert clock.naps == []
    assert pauses.take(4.0)


def test_a_short_request_does_not_shorten_the_wait(clock):
    pauses = Pauses(clock.sleep, Edge(0), clock.monotonic)
    assert pauses.take(0.0)
    assert clock.naps == [0.5]


def test_patience_ends_after_five_seconds(clock):
    pauses = Pauses(clock.sleep, Edge(0), clock.monotonic)
    clock.forward(5.0)
    assert pauses.take()
    assert not pauses.take()


def test_the_waits_are_jittered(clock):
    first = {Pauses(clock.sleep, monotonic=clock.monotonic).take() for _ in range(5)}
    assert first == {True}
    assert len(set(clock.naps)) == 5
    assert all(0.5 <= nap <= 1.0 for nap in clock.naps)


SPIKE = error_entry(429, "", "")
QUOTA = error_entry(500, "500.003.03", "")


@pytest.mark.parametrize(
    ("error", "money", "reads"),
    [
        (Throttled("x", entry=SPIKE), True, True),
        (Throttled("x"), True, True),
        (Throttled("x", entry=QUOTA), False, False),
        (OutcomeUnknown("x"), False, True),
        (NotSent("x"), False, True),
        (Refused("x"), False, False),
        (InvalidToken("x"), False, False),
    ],
)
def test_may_retry(error, money, reads):
    assert may_retry(error, reads=False) is money
    assert may_retry(error, reads=True) is reads
