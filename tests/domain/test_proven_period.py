"""What an unbroken statement proves: never a time after its import."""

from datetime import UTC, datetime

import pytest

from mpesa_service.domain.statements import proven_period

Period = tuple[datetime | None, datetime | None]
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(hour: int, day: int = 22) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stated", "lines", "proven"),
    [
        ((at(0, 21), at(23, 21)), (at(8, 21), at(9, 21)), (at(0, 21), at(23, 21))),
        ((at(0, 21), at(23, 21)), (None, None), (at(0, 21), at(23, 21))),
        ((at(0), at(23)), (at(8), at(9)), (at(0), at(9))),
        ((at(0), at(23)), (at(8), at(13)), (at(0), NOON)),
        ((at(0), at(23)), (None, None), None),
        ((at(13), at(23)), (at(8), at(9)), None),
        ((None, None), (at(8), at(9)), (at(8), at(9))),
        ((None, None), (None, None), None),
    ],
)
def test_ends_before_the_import(stated: Period, lines: Period, proven: Period | None) -> None:
    assert proven_period(stated, lines, NOON) == proven
