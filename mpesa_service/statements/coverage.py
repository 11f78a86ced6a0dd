"""Which days of which account are proven by applied statements, and where the gaps are.

A day (of Nairobi) is proven if statements with an unbroken balance cover all of it. A statement covers the
period that it states; without one, the time from its first line to its last. It proves nothing of the time
after its import.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.statements import StatementStatus, counted_period, proven_period
from mpesa_service.models import Statement

NAIROBI = ZoneInfo("Africa/Nairobi")
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
Interval = tuple[datetime, datetime]


@dataclass(frozen=True)
class Days:
    """Days that follow each other, from the first to the last."""

    first: date
    last: date

    @property
    def count(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True)
class Coverage:
    """The proven days of one account of a shortcode, and the gaps between the first and the last of them."""

    shortcode: str
    account: str
    proven: tuple[Days, ...]
    gaps: tuple[Days, ...]


def coverage(runtime: Runtime) -> list[Coverage]:
    """Return the coverage of every account that an applied statement with an unbroken balance proves."""
    statement = select(Statement).where(
        Statement.status == StatementStatus.APPLIED,
        Statement.balanced.is_(True),
        Statement.withdrawn_at.is_(None),
    )
    found: dict[tuple[str, str], list[Any]] = {}
    names: dict[tuple[str, str], str] = {}
    with runtime.database.read() as session:
        for row in session.scalars(statement.order_by(Statement.shortcode, Statement.account)):
            stated = (row.period_from, row.period_to)
            lines = counted_period(row.accounts) or (None, None)
            if (period := proven_period(stated, lines, row.created_at)) is None:
                continue
            for account in (one for one in row.accounts if one["lines"]):
                key = (row.shortcode, account["account"].casefold())
                names.setdefault(key, account["account"])
                found.setdefault(key, []).append(period)
    return [_coverage((key[0], names[key]), intervals) for key, intervals in sorted(found.items())]


def _coverage(key: tuple[str, str], intervals: Iterable[Interval]) -> Coverage:
    proven = [days for interval in merged(intervals) if (days := whole_days(interval))]
    gaps = [Days(one.last + _DAY, following.first - _DAY) for one, following in pairwise(proven)]
    return Coverage(*key, tuple(proven), tuple(gaps))


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """Return intervals in order, joined where one begins within a second of the end of another."""
    found: list[Interval] = []
    for begin, end in sorted(intervals):
        if found and begin <= found[-1][1] + _SECOND:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def whole_days(interval: Interval) -> Days | None:
    """Return the days of Nairobi that are wholly within an interval, or None. Its end is its last second."""
    begin, end = (at.astimezone(NAIROBI) for at in interval)
    first = begin.date() if begin.time() == begin.min.time() else begin.date() + _DAY
    last = (end + _SECOND).date() - _DAY
    return Days(first, last) if first <= last else None
