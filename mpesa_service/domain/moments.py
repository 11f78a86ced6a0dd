"""The range of times that every time zone, database and calculation of the service supports."""

from datetime import UTC, datetime

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)


def can_be_stored(at: datetime) -> bool:
    """Return whether an aware time is in the range in which no arithmetic on it overflows."""
    return EARLIEST <= at < LATEST
