"""Suspensions: refunds or payouts that are stopped until a person resumes them, or until the cause ends."""

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
"""Only the account balance starts and ends it. It stops new payouts, but not the queries about sent ones."""

OUT_OF_MONEY = "payouts: out of money"
"""Starts when M-Pesa refuses a payout because the account has too little money. A person ends it."""

_STOPPED_BY = {PAYOUTS: (PAYOUTS, LOW_BALANCE, OUT_OF_MONEY)}


@dataclass(frozen=True)
class Held:
    """A suspension, current or ended: its name, the reason, and its start time."""

    name: str
    reason: str
    since: datetime


def stop(session: Session, name: str, reason: str, now: datetime) -> None:
    """Suspend `name`, in the caller's transaction. A repeated call logs no second alert."""
    if insert_once(session, Hold, {"name": name, "reason": reason[:512], "since": now}):
        log.error("ALERT: %s stopped: %s", name, reason)


def stop_initiator(session: Session, reason: str, now: datetime) -> None:
    """Suspend everything that uses the initiator: M-Pesa refuses it, and locks it after retries."""
    for name in (REFUNDS, PAYOUTS):
        stop(session, name, reason, now)


def stands(session: Session, name: str) -> bool:
    """Return whether the suspension of exactly this name is in force."""
    return session.get(Hold, name) is not None


def why_stopped(session: Session, name: str) -> str | None:
    """Return the reason why `name` is suspended; None if it is not."""
    statement = select(Hold.reason).where(Hold.name.in_(_STOPPED_BY.get(name, (name,))))
    return session.scalars(statement.order_by(Hold.since, Hold.name)).first()


def standing(runtime: Runtime) -> tuple[Held, ...]:
    """Return all suspensions, by name."""
    with runtime.database.read() as session:
        rows = session.scalars(select(Hold).order_by(Hold.name))
        return tuple(Held(row.name, row.reason, row.since) for row in rows)


def lift(session: Session, *names: str) -> tuple[Held, ...]:
    """End exactly these suspensions, in the caller's transaction; return those that existed, by name."""
    taken = delete(Hold).where(Hold.name.in_(names)).returning(Hold.name, Hold.reason, Hold.since)
    return tuple(sorted((Held(*row) for row in session.execute(taken)), key=lambda held: held.name))


def resume(runtime: Runtime, actor: str, name: str) -> tuple[Held, ...]:
    """End every suspension of `name`, and return them. The audit log records the actor."""
    with runtime.database.begin() as session:
        lifted = lift(session, *_STOPPED_BY.get(name, (name,)))
    for held in lifted:
        about = {
            "suspension": held.name,
            "reason": held.reason,
            "since": held.since.isoformat(),
            "actor": actor,
        }
        audit.info("suspension ended", extra=about)
    return lifted


def resume_message(name: str, lifted: Sequence[Held]) -> str:
    """Return the sentence that reports the result of `resume`."""
    return f"{name.capitalize()} are resumed." if lifted else f"{name.capitalize()} were not stopped."
