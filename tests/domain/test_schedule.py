"""When the service queries Daraja."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from mpesa_service.domain.schedule import (
    CALL_LIMIT,
    CHECK_AFTER,
    CHECK_INTERVAL_LIMIT,
    COMMAND_CHECK_AFTER,
    UNRESOLVED_AFTER,
    next_check,
)

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECONDS = [30, 60, 90, 120, 300, 900, 3_600, 21_600, 86_400]
REFUND_SECONDS = [60, 300, 900, 3_600, 21_600, 86_400]
STEPS = [
    *((CHECK_AFTER, attempts, seconds) for attempts, seconds in enumerate(SECONDS)),
    *((COMMAND_CHECK_AFTER, attempts, seconds) for attempts, seconds in enumerate(REFUND_SECONDS)),
]


@pytest.mark.parametrize(("schedule", "attempts", "seconds"), STEPS)
def test_each_check_has_its_time(schedule: tuple[timedelta, ...], attempts: int, seconds: int) -> None:
    assert next_check(schedule, START, attempts, START) == START + timedelta(seconds=seconds)


@pytest.mark.parametrize("schedule", [CHECK_AFTER, COMMAND_CHECK_AFTER])
@pytest.mark.parametrize("more", [0, 1, 1_000])
def test_a_used_up_schedule_has_no_next(schedule: tuple[timedelta, ...], more: int) -> None:
    over = START + schedule[-1]
    assert next_check(schedule, START, len(schedule) + more, over) is None
    just_before = over - timedelta(seconds=1)
    assert next_check(schedule, START, len(schedule) + more, just_before) == over, "time decides"


@pytest.mark.parametrize(("schedule", "attempts", "seconds"), STEPS)
def test_never_in_the_past_and_never_hasty(
    schedule: tuple[timedelta, ...], attempts: int, seconds: int
) -> None:
    late = START + timedelta(seconds=seconds + 1)
    earliest = late + CHECK_INTERVAL_LIMIT if attempts else late
    assert next_check(schedule, START, attempts, late) == earliest
    early = START + timedelta(seconds=seconds - 11)
    assert next_check(schedule, START, attempts, early) == START + timedelta(seconds=seconds)


@pytest.mark.parametrize("jitter", [0.8, 1.0, 1.2])
def test_jitter_stretches_the_wait(jitter: float) -> None:
    assert next_check(CHECK_AFTER, START, 4, START, jitter) == START + timedelta(seconds=300) * jitter


@pytest.mark.parametrize("schedule", [CHECK_AFTER, COMMAND_CHECK_AFTER])
def test_a_schedule_grows_and_keeps_the_providers_rate_limit(schedule: tuple[timedelta, ...]) -> None:
    assert min(later - earlier for earlier, later in pairwise(schedule)) >= CHECK_INTERVAL_LIMIT


def test_the_limits() -> None:
    assert timedelta(seconds=10) == CHECK_INTERVAL_LIMIT
    assert timedelta(seconds=90) == CALL_LIMIT
    assert timedelta(days=1) == UNRESOLVED_AFTER
