"""One token bucket for all processes, kept in the database, that holds calls under Daraja's limits."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mpesa_service.models import Pace
from mpesa_service.models.statements import insert_once

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
    burst = max(1, per_minute // BURST_SHARE)
    row = locked(session, name, now)
    interval = timedelta(minutes=1) / per_minute
    if row.next_at - now > (burst - 1) * interval:
        return False
    row.next_at = max(row.next_at, now) + interval
    return True


def rest(session: Session, name: str, until: datetime) -> None:
    """Let nobody take a turn before `until`, or about that: Daraja has asked for a rest."""
    late = update(Pace).where(Pace.name == name, Pace.next_at < until)
    session.execute(late.values(next_at=until))


def locked(session: Session, name: str, now: datetime) -> Pace:
    """Return the row of `name`, made if there is none, locked to the end of the caller's transaction."""
    insert_once(session, Pace, {"name": name, "next_at": now})
    return session.scalars(select(Pace).where(Pace.name == name).with_for_update()).one()
