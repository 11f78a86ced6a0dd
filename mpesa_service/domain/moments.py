"""Which times can be kept: those that every zone, database and calculation of ours can hold."""

from datetime import UTC, datetime

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)


def can_be_kept(at: datetime) -> bool:
    """Tell whether an aware time lies in the centuries in which no arithmetic on it overflows."""
    return EARLIEST <= at < LATEST
