"""Times: the range that the service supports, and the text that clients see."""

from datetime import UTC, datetime, timedelta, timezone

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)


EAST_AFRICA = timezone(timedelta(hours=3))
"""Nairobi time. Kenya has no daylight saving time, and a fixed offset is much faster than a zone look-up."""


def can_be_stored(at: datetime) -> bool:
    """Return whether an aware time is in the range in which no arithmetic on it overflows."""
    return EARLIEST <= at < LATEST


def nearest(at: datetime) -> datetime:
    """Return an aware time, or the nearest one that can be stored."""
    return max(EARLIEST, min(at, LATEST))


def in_nairobi(at: datetime | None) -> str | None:
    """Return a time as clients see it: ISO 8601 with +03:00 and milliseconds. None for None."""
    return at.astimezone(EAST_AFRICA).isoformat(timespec="milliseconds") if at else None


def local_text(at: datetime) -> str:
    """Return a time as people in Nairobi write it: `2026-11-22 14:00:00`."""
    return at.astimezone(EAST_AFRICA).strftime("%Y-%m-%d %H:%M:%S")
