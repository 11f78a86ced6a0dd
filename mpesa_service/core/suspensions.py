"""What is stopped until a person says otherwise, or what caused it is over."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mpesa_service.core.runtime import Runtime
from mpesa_service.models import Hold
from mpesa_service.models.statements import insert_once

log = logging.getLogger(__name__)
audit = logging.getLogger("mpesa_service.audit")

REFUNDS = "refunds"
PAYOUTS = "payouts"
LOW_BALANCE = "payouts: low balance"
"""Set and lifted by the balance alone; it stops payouts too, but not the finding out about those sent."""

OUT_OF_MONEY = "payouts: out of money"
"""Set when M-Pesa refused a payout for want of money; lifted by a person who has topped the account up."""

_STOPPED_BY = {PAYOUTS: (PAYOUTS, LOW_BALANCE, OUT_OF_MONEY)}


@dataclass(frozen=True)
class Held:
    """A hold that stands, or stood: why, and since when."""

    name: str
    reason: str
    since: datetime


def stop(session: Session, name: str, reason: str, now: datetime) -> None:
    """Stop `name`, in the caller's transaction, with one alert however often it is asked for."""
    if insert_once(session, Hold, {"name": name, "reason": reason[:512], "since": now}):
        log.error("ALERT: %s stopped: %s", name, reason)


def stop_initiator(session: Session, reason: str, now: datetime) -> None:
    """Stop everything that the API user is needed for: M-Pesa refuses it, and would lock it."""
    for name in (REFUNDS, PAYOUTS):
        stop(session, name, reason, now)


def stands(session: Session, name: str) -> bool:
    """Tell whether this very hold stands."""
    return session.get(Hold, name) is not None


def why_stopped(session: Session, name: str) -> str | None:
    """Return why `name` is stopped, or None when it is not."""
    statement = select(Hold.reason).where(Hold.name.in_(_STOPPED_BY.get(name, (name,))))
    return session.scalars(statement.order_by(Hold.since, Hold.name)).first()


def standing(runtime: Runtime) -> tuple[Held, ...]:
    """Return all that is stopped, by name."""
    with runtime.database.read() as session:
        rows = session.scalars(select(Hold).order_by(Hold.name))
        return tuple(Held(row.name, row.reason, row.since) for row in rows)


def lift(session: Session, *names: str) -> tuple[Held, ...]:
    """Take away these very holds, in the caller's transaction; return those that stood, by name."""
    taken = delete(Hold).where(Hold.name.in_(names)).returning(Hold.name, Hold.reason, Hold.since)
    return tuple(sorted((Held(*row) for row in session.execute(taken)), key=lambda held: held.name))


def resume(runtime: Runtime, actor: str, name: str) -> tuple[Held, ...]:
    """Let `name` go on, whatever stopped it; return what did. The audit log says who lifted it."""
    with runtime.database.begin() as session:
        lifted = lift(session, *_STOPPED_BY.get(name, (name,)))
    for held in lifted:
        about = {"hold": held.name, "reason": held.reason, "since": held.since.isoformat(), "actor": actor}
        audit.info("hold lifted", extra=about)
    return lifted


def told(name: str, lifted: Sequence[Held]) -> str:
    """Say what came of resuming `name`."""
    return f"{name.capitalize()} go on." if lifted else f"{name.capitalize()} were not stopped."
