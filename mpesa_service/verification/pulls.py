"""The invariants of pulls: a time in which M-Pesa may have reported nothing is read again, or proven."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.counting import counted
from mpesa_service.domain.moments import local_text
from mpesa_service.domain.statements import StatementStatus, counted_period, proven_period
from mpesa_service.models import Pull, Statement
from mpesa_service.models.pulls import PullStatus
from mpesa_service.verification.common import BATCH, Tally, Violation

Interval = tuple[datetime, datetime]
SECOND = timedelta(seconds=1)
_CUSTOMERS = ("utility", "merchant")
"""Parts of the names of the accounts that receive customers' money."""


def verify_pulls(runtime: Runtime, tally: Tally) -> Iterator[Violation]:
    """Yield every violation that the database alone shows."""
    uncertain = or_(Pull.gap_from.is_not(None), Pull.status == PullStatus.SUSPECT, Pull.unreadable > 0)
    with runtime.database.read() as session:
        if (count := session.scalar(select(func.count()).select_from(Pull))) is not None and count:
            tally.counts["pulls"] += count
        rows = session.scalars(select(Pull).where(uncertain).order_by(Pull.id.desc()).limit(BATCH)).all()
    for row in rows:
        yield from pulled_time_is_known(runtime, row)


def pulled_time_is_known(runtime: Runtime, row: Pull) -> Iterator[Violation]:
    """No time is left in which money may have arrived unseen.

    Another complete pull whose rows could all be read makes it known, or applied statements with an unbroken
    balance. A gap can only be proven by statements, because M-Pesa serves 48 hours.
    """
    window = (row.window_from, row.window_to)
    found: list[tuple[str, Interval]] = []
    if row.gap_from is not None:
        found.append(("nothing was pulled", (row.gap_from, row.window_from)))
    if row.status == PullStatus.SUSPECT:
        found.append(("M-Pesa reported nothing, although money arrived,", window))
    if row.unreadable:
        found.append((f"{counted(row.unreadable, 'row')} could not be read", window))
    for what, time in found:
        if not covers([*_statements(runtime, row.shortcode), *_pulls(runtime, row, time)], time):
            begin, end = (local_text(at) for at in time)
            sentence = f"{what} from {begin} to {end}, and no applied statement proves this time"
            yield Violation(pulled_time_is_known.__name__, f"pull {row.id}", sentence)


def covers(intervals: Iterable[Interval], time: Interval) -> bool:
    """Return whether intervals cover all of a time, without a break of more than a second."""
    begin, end = time
    until = begin
    for first, last in sorted(intervals):
        if first <= until + SECOND:
            until = max(until, last)
    return until >= end - SECOND


def _statements(runtime: Runtime, shortcode: str) -> list[Interval]:
    trusted = (Statement.balanced.is_(True), Statement.withdrawn_at.is_(None))
    proving = (Statement.status == StatementStatus.APPLIED, *trusted)
    with runtime.database.read() as session:
        rows = session.scalars(select(Statement).where(Statement.shortcode == shortcode, *proving)).all()
    found = [_proven(row) for row in rows if _is_of_customers(row)]
    return [period for period in found if period is not None]


def _proven(row: Statement) -> Interval | None:
    lines = counted_period(row.accounts) or (row.first_at, row.last_at)
    return proven_period((row.period_from, row.period_to), lines, row.created_at)


def _is_of_customers(row: Statement) -> bool:
    names: list[Any] = [one["account"] for one in row.accounts] or [row.account]
    return any(not name or any(word in name.casefold() for word in _CUSTOMERS) for name in names)


def _pulls(runtime: Runtime, row: Pull, time: Interval) -> list[Interval]:
    """Return the windows of other pulls that overlap a time and that were read without a fault."""
    begin, end = time
    good = (Pull.shortcode == row.shortcode, Pull.status == PullStatus.COMPLETE, Pull.unreadable == 0)
    overlapping = (Pull.id != row.id, Pull.window_to >= begin, Pull.window_from <= end)
    with runtime.database.read() as session:
        windows = session.execute(select(Pull.window_from, Pull.window_to).where(*good, *overlapping))
        return [(first, last) for first, last in windows]
