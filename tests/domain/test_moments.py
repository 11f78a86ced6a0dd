"""Times at the end of the calendar are no times to reckon with."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from mpesa_service.domain.moments import EARLIEST, LATEST, can_be_stored


@pytest.mark.parametrize(
    ("at", "kept"),
    [
        (EARLIEST, True),
        (EARLIEST - timedelta(microseconds=1), False),
        (LATEST - timedelta(microseconds=1), True),
        (LATEST, False),
        (datetime.max.replace(tzinfo=timezone(-timedelta(hours=23))), False),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=14))), False),
        (datetime(2026, 11, 25, tzinfo=UTC), True),
    ],
)
def test_the_ends(at: datetime, kept: bool) -> None:
    assert can_be_stored(at) is kept
