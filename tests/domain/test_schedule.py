"""When Daraja is asked."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from mpesa_service.domain.schedule import (
    ASK_AFTER,
    ASK_AT_MOST_EVERY,
    CALL_LIMIT,
    COMMAND_ASK_AFTER,
    GIVE_UP_AFTER,
    next_ask,
)

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECONDS = [30, 60, 90, 120, 300, 900, 3_600, 21_600, 86_400]
REFUND_SECONDS = [60, 300, 900, 3_600, 21_600, 86_400]
STEPS = [
    *((ASK_AFTER, asks, seconds) for asks, seconds in enumerate(SECONDS)),
    *((COMMAND_ASK_AFTER, asks, seconds) for asks, seconds in enumerate(REFUND_SECONDS)),
]


@pytest.mark.parametrize(("schedule", "asks", "seconds"), STEPS)
def test_each_ask_has_its_time(schedule: tuple[timedelta, ...], asks: int, seconds: int) -> None:
    assert next_ask(schedule, START, asks, START) == START + timedelta(seconds=seconds)


@pytest.mark.parametrize("schedule", [ASK_AFTER, COMMAND_ASK_AFTER])
@pytest.mark.parametrize("more", [0, 1, 1_000])
def test_a_used_up_schedule_has_no_next(schedule: tuple[timedelta, ...], more: int) -> None:
    over = START + schedule[-1]
    assert next_ask(schedule, START, len(schedule) + more, over) is None
    just_before = over - timedelta(seconds=1)
    assert next_ask(schedule, START, len(schedule) + more, just_before) == over, "time decides"


@pytest.mark.parametrize(("schedule", "asks", "seconds"), STEPS)
def test_never_in_the_past_and_never_hasty(schedule: tuple[timedelta, ...], asks: int, seconds: int) -> None:
    late = START + timedelta(seconds=seconds + 1)
    assert next_ask(schedule, START, asks, late) == late + (ASK_AT_MOST_EVERY if asks else timedelta())
    early = START + timedelta(seconds=seconds - 11)
    assert next_ask(schedule, START, asks, early) == START + timedelta(seconds=seconds)


@pytest.mark.parametrize("jitter", [0.8, 1.0, 1.2])
def test_jitter_stretches_the_wait(jitter: float) -> None:
    assert next_ask(ASK_AFTER, START, 4, START, jitter) == START + timedelta(seconds=300) * jitter


@pytest.mark.parametrize("schedule", [ASK_AFTER, COMMAND_ASK_AFTER])
def test_a_schedule_grows_and_keeps_the_providers_pace(schedule: tuple[timedelta, ...]) -> None:
    assert min(later - earlier for earlier, later in pairwise(schedule)) >= ASK_AT_MOST_EVERY


def test_the_limits() -> None:
    assert timedelta(seconds=10) == ASK_AT_MOST_EVERY
    assert timedelta(seconds=90) == CALL_LIMIT
    assert timedelta(days=1) == GIVE_UP_AFTER
