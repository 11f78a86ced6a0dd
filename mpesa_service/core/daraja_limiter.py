"""The rate limiter: token buckets in the database keep all processes together under Daraja's limits.

Our own limits on callers are in `rate_limits.py`.
"""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from mpesa_service.models import RateLimiter
from mpesa_service.models.statements import insert_once, table_of

_T = table_of(RateLimiter)
_MINE = _T.c.name == bindparam("its_name")
_LOCK = select(_T.c.next_at).where(_MINE).with_for_update()
_STORE = update(_T).where(_MINE).values(next_at=bindparam("at"))

QUERIES = "stk_query"
PAYMENTS_OUT = "payments_out"
BALANCE = "balance"
PULLS = "pulls"
DOCTOR = "doctor"


BURST_SHARE = 10
"""After a pause, a tenth of a minute's tokens may be acquired at once, and at least one."""


def acquire(session: Session, name: str, per_minute: int, now: datetime) -> bool:
    """Acquire one of `per_minute` evenly spaced tokens; return False if none is free yet.

    The token is used when the caller's transaction commits. Until then other callers wait for the row.
    """
    next_at = lock(session, name, now)
    if available(next_at, per_minute, now) < 1:
        return False
    store(session, name, after_acquiring(next_at, per_minute, now, 1))
    return True


def available(next_at: datetime, per_minute: int, now: datetime) -> int:
    """Return how many tokens may be acquired at once, if the next one is scheduled for `next_at`."""
    burst, interval = max(1, per_minute // BURST_SHARE), _interval(per_minute)
    ahead = max(next_at - now, timedelta(0))
    return max(0, (burst * interval - ahead) // interval) if interval else burst


def after_acquiring(next_at: datetime, per_minute: int, now: datetime, tokens: int) -> datetime:
    """Return the scheduled time of the next token after this many tokens are acquired."""
    return max(next_at, now) + tokens * _interval(per_minute)


def release(session: Session, name: str, per_minute: int, now: datetime, tokens: int) -> None:
    """Release tokens that were acquired and not used, so that other callers can acquire them at once."""
    store(session, name, lock(session, name, now) - tokens * _interval(per_minute))


def back_off(session: Session, name: str, until: datetime) -> None:
    """Allow no token before about `until`, because Daraja has requested a pause."""
    late = update(RateLimiter).where(RateLimiter.name == name, RateLimiter.next_at < until)
    session.execute(late.values(next_at=until))


def lock(session: Session, name: str, now: datetime) -> datetime:
    """Lock the row of `name` to the end of the caller's transaction. Return its `next_at`: `now` if new."""
    connection = session.connection()
    next_at: datetime | None = connection.scalar(_LOCK, {"its_name": name})
    if next_at is not None:
        return next_at
    insert_once(session, RateLimiter, {"name": name, "next_at": now})
    now_there: datetime = connection.scalars(_LOCK, {"its_name": name}).one()
    return now_there


def store(session: Session, name: str, next_at: datetime) -> None:
    """Write `next_at` of a locked row."""
    session.connection().execute(_STORE, {"its_name": name, "at": next_at})


def _interval(per_minute: int) -> timedelta:
    return timedelta(minutes=1) / per_minute
