"""Suspensions of refunds or payouts, until a person resumes them or until the cause ends."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mpesa_service.core.runtime import Runtime
from mpesa_service.models import Suspension
from mpesa_service.models.statements import insert_once

log = logging.getLogger(__name__)
audit = logging.getLogger("mpesa_service.audit")

REFUNDS = "refunds"
PAYOUTS = "payouts"
LOW_BALANCE = "payouts: low balance"
"""Only the account balance starts and ends it. It suspends new payouts, but not queries about sent ones."""

OUT_OF_MONEY = "payouts: out of money"
"""Starts when M-Pesa refuses a payout because the account has too little money. A person ends it."""

_SUSPENDED_BY = {PAYOUTS: (PAYOUTS, LOW_BALANCE, OUT_OF_MONEY)}


@dataclass(frozen=True)
class SuspensionRecord:
    """A suspension, current or ended: its name, the reason, and its start time."""

    name: str
    reason: str
    since: datetime


def suspend(session: Session, name: str, reason: str, now: datetime) -> None:
    """Suspend `name`, in the caller's transaction. A repeated call logs no second alert."""
    if insert_once(session, Suspension, {"name": name, "reason": reason[:512], "since": now}):
        log.error("ALERT: %s suspended: %s", name, reason)


def suspend_initiator(session: Session, reason: str, now: datetime) -> None:
    """Suspend everything that uses the initiator: M-Pesa refuses it, and locks it after retries."""
    for name in (REFUNDS, PAYOUTS):
        suspend(session, name, reason, now)


def is_in_force(session: Session, name: str) -> bool:
    """Return whether the suspension of exactly this name is in force."""
    return session.get(Suspension, name) is not None


def why_suspended(session: Session, name: str) -> str | None:
    """Return the reason why `name` is suspended; None if it is not."""
    statement = select(Suspension.reason).where(Suspension.name.in_(_SUSPENDED_BY.get(name, (name,))))
    return session.scalars(statement.order_by(Suspension.since, Suspension.name)).first()


def list_all(runtime: Runtime) -> tuple[SuspensionRecord, ...]:
    """Return all suspensions, by name."""
    with runtime.database.read() as session:
        rows = session.scalars(select(Suspension).order_by(Suspension.name))
        return tuple(SuspensionRecord(row.name, row.reason, row.since) for row in rows)


def end(session: Session, *names: str) -> tuple[SuspensionRecord, ...]:
    """End exactly these suspensions, in the caller's transaction; return those that existed, by name."""
    statement = delete(Suspension).where(Suspension.name.in_(names))
    ended = session.execute(statement.returning(Suspension.name, Suspension.reason, Suspension.since))
    return tuple(sorted((SuspensionRecord(*row) for row in ended), key=lambda record: record.name))


def resume(runtime: Runtime, actor: str, name: str) -> tuple[SuspensionRecord, ...]:
    """End every suspension of `name`, and return them. The log records the actor."""
    with runtime.database.begin() as session:
        ended = end(session, *_SUSPENDED_BY.get(name, (name,)))
    for record in ended:
        about = {
            "suspension": record.name,
            "reason": record.reason,
            "since": record.since.isoformat(),
            "actor": actor,
        }
        audit.info("suspension ended", extra=about)
    return ended


def resume_message(name: str, ended: Sequence[SuspensionRecord]) -> str:
    """Return the sentence that reports the result of `resume`."""
    return f"{name.capitalize()} are resumed." if ended else f"{name.capitalize()} were not suspended."
