"""When an outgoing event is sent again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.domain.deliveries import (
    DELAYS,
    LONGEST_RETRY_AFTER,
    MAX_ATTEMPTS,
    next_attempt,
    retry_after,
)

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECONDS = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]


@pytest.mark.parametrize(("made", "seconds"), list(enumerate(SECONDS, 1)))
def test_each_attempt_has_its_delay(made: int, seconds: int) -> None:
    assert next_attempt(made, NOW, 0.5) == NOW + timedelta(seconds=seconds)


def test_the_tenth_attempt_is_the_last() -> None:
    assert (MAX_ATTEMPTS, sum(DELAYS, timedelta())) == (10, timedelta(hours=75, minutes=35, seconds=5))
    assert next_attempt(9, NOW, 0.5) is not None
    assert next_attempt(10, NOW, 0.5) is None
    assert next_attempt(11, NOW, 0.5, timedelta(hours=1)) is None


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 270), (0.5, 300), (1.0, 330)])
def test_chance_spreads_the_delay(chance: float, seconds: int) -> None:
    assert next_attempt(2, NOW, chance) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(("requested", "seconds"), [(600, 600), (300, 300), (10, 300), (0, 300)])
def test_a_requested_delay_only_lengthens_it(requested: int, seconds: int) -> None:
    assert next_attempt(2, NOW, 0.5, timedelta(seconds=requested)) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", timedelta(seconds=120)),
        (" 120 ", timedelta(seconds=120)),
        ("0", timedelta()),
        ("86400", timedelta(days=1)),
        ("86401", LONGEST_RETRY_AFTER),
        ("9" * 5_000, LONGEST_RETRY_AFTER),
        ("Sun, 22 Nov 2026 09:05:00 GMT", timedelta(minutes=5)),
        ("Sun, 22 Nov 2026 12:05:00 +0300", timedelta(minutes=5)),
        ("Sun, 22 Nov 2026 09:05:00 -0000", timedelta(minutes=5)),
        ("Sun, 22 Nov 2026 08:00:00 GMT", timedelta()),
        ("Fri, 01 Jan 2100 00:00:00 GMT", LONGEST_RETRY_AFTER),
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("\u0661\u0662", None),
    ],
)
def test_retry_after(header: str | None, wait: timedelta | None) -> None:
    assert retry_after(header, NOW) == wait


@given(st.text(max_size=40))
def test_no_header_is_a_fault(header: str) -> None:
    wait = retry_after(header, NOW)
    assert wait is None or timedelta() <= wait <= LONGEST_RETRY_AFTER
