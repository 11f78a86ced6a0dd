"""One token bucket for all processes, kept in the database, that holds calls under Daraja's limits."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from mpesa_service.models import Pace
from mpesa_service.models.statements import insert_once, table_of

_T = table_of(Pace)
_MINE = _T.c.name == bindparam("its_name")
_LOCK = select(_T.c.next_at).where(_MINE).with_for_update()
_PUT = update(_T).where(_MINE).values(next_at=bindparam("at"))

QUERIES = "stk_query"
PAYMENTS_OUT = "payments_out"
BALANCE = "balance"
DOCTOR = "doctor"


BURST_SHARE = 10
"""A tenth of a minute's turns may be taken at once after a rest: none beside the next at 5 a minute."""


def take(session: Session, name: str, per_minute: int, now: datetime) -> bool:
    """Take one of `per_minute` evenly spaced turns; False when it is not time yet.

    The turn is taken when the caller's transaction commits; until then other callers wait for the row.
    """
    next_at = locked(session, name, now)
    if free(next_at, per_minute, now) < 1:
        return False
    put(session, name, after(next_at, per_minute, now, 1))
    return True


def free(next_at: datetime, per_minute: int, now: datetime) -> int:
    """Return how many turns may be taken at once where the next one is on schedule at `next_at`."""
    burst, interval = max(1, per_minute // BURST_SHARE), _interval(per_minute)
    ahead = max(next_at - now, timedelta(0))
    return max(0, (burst * interval - ahead) // interval) if interval else burst


def after(next_at: datetime, per_minute: int, now: datetime, turns: int) -> datetime:
    """Return when the next one is on schedule after so many turns were taken."""
    return max(next_at, now) + turns * _interval(per_minute)


def give_back(session: Session, name: str, per_minute: int, now: datetime, turns: int) -> None:
    """Return turns that were taken and not used: others may take them at once."""
    put(session, name, locked(session, name, now) - turns * _interval(per_minute))


def rest(session: Session, name: str, until: datetime) -> None:
    """Let nobody take a turn before `until`, or about that: Daraja has asked for a rest."""
    late = update(Pace).where(Pace.name == name, Pace.next_at < until)
    session.execute(late.values(next_at=until))


def locked(session: Session, name: str, now: datetime) -> datetime:
    """Return `next_at` of `name`, `now` if it is new, locked to the end of the caller's transaction."""
    connection = session.connection()
    next_at: datetime | None = connection.scalar(_LOCK, {"its_name": name})
    if next_at is not None:
        return next_at
    insert_once(session, Pace, {"name": name, "next_at": now})
    now_there: datetime = connection.scalars(_LOCK, {"its_name": name}).one()
    return now_there


def put(session: Session, name: str, next_at: datetime) -> None:
    """Write `next_at` of a locked row."""
    session.connection().execute(_PUT, {"its_name": name, "at": next_at})


def _interval(per_minute: int) -> timedelta:
    return timedelta(minutes=1) / per_minute
