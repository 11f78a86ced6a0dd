"""When Daraja is asked."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from mpesa_service.domain.schedule import ASK_AFTER, ASK_AT_MOST_EVERY, PUSH_ANSWER_LIMIT, next_ask

SUBMITTED = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECONDS = (30, 60, 90, 120, 300, 900, 3_600, 21_600, 86_400)


@pytest.mark.parametrize(("asks", "seconds"), list(enumerate(SECONDS)))
def test_each_ask_has_its_time(asks: int, seconds: int) -> None:
    assert next_ask(SUBMITTED, asks, SUBMITTED) == SUBMITTED + timedelta(seconds=seconds)


@pytest.mark.parametrize("asks", [len(SECONDS), len(SECONDS) + 1, 1_000])
def test_a_used_up_schedule_has_no_next(asks: int) -> None:
    assert next_ask(SUBMITTED, asks, SUBMITTED) is None


@pytest.mark.parametrize(("asks", "seconds"), list(enumerate(SECONDS)))
def test_never_in_the_past(asks: int, seconds: int) -> None:
    late = SUBMITTED + timedelta(seconds=seconds + 1)
    assert next_ask(SUBMITTED, asks, late) == late
    early = SUBMITTED + timedelta(seconds=seconds - 1)
    assert next_ask(SUBMITTED, asks, early) == SUBMITTED + timedelta(seconds=seconds)


def test_the_schedule_grows_and_keeps_the_providers_pace() -> None:
    assert list(ASK_AFTER) == sorted(set(ASK_AFTER))
    gaps = [later - earlier for earlier, later in pairwise(ASK_AFTER)]
    assert min(gaps) >= ASK_AT_MOST_EVERY
    assert timedelta(seconds=10) == ASK_AT_MOST_EVERY
    assert timedelta(seconds=90) == PUSH_ANSWER_LIMIT
