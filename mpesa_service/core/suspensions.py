"""Suspensions of kinds of commands, until a person resumes them or until the cause ends."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from mpesa_service.core.database import driver_of
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.commands import CommandType
from mpesa_service.domain.event_types import EventType
from mpesa_service.domain.plans import Event
from mpesa_service.domain.references import new_id
from mpesa_service.models import Suspension, UnknownCodeCount
from mpesa_service.models.commit import rows_and_events
from mpesa_service.models.statements import insert_once

log = logging.getLogger(__name__)
audit = logging.getLogger("mpesa_service.audit")

REFUNDS = "refunds"
PAYOUTS = "payouts"
INQUIRIES = "inquiries"
"""Only a name to resume: inquiries are suspended while both refunds and payouts are, or by their results."""

STILL_STOPPED = (
    "But they stop while both refunds and payouts are suspended. When the cause is fixed, run"
    " `mpesa suspensions resume refunds --by NAME` or the same with `payouts`."
)

LOW_BALANCE = "payouts: low balance"
"""Only the account balance starts and ends it. It suspends new payouts, but not queries about sent ones."""

OUT_OF_MONEY = "payouts: out of money"
"""Starts when M-Pesa refuses a payout because the account has too little money. A person ends it."""

UNKNOWN_CODE_PAYOUTS = "payouts: unknown code"
UNKNOWN_CODE_REFUNDS = "B2C refunds: unknown code"
UNKNOWN_CODE_REVERSALS = "reversals: unknown code"
UNKNOWN_CODE_STATUS = "status inquiries: unknown code"
UNKNOWN_CODE_BALANCE = "balance inquiries: unknown code"
_UNKNOWN_CODE = {
    CommandType.B2C_REFUND: UNKNOWN_CODE_REFUNDS,
    CommandType.REVERSAL: UNKNOWN_CODE_REVERSALS,
    CommandType.B2C_PAYOUT: UNKNOWN_CODE_PAYOUTS,
    CommandType.POCHI_PAYOUT: UNKNOWN_CODE_PAYOUTS,
    CommandType.PAYBILL_PAYOUT: UNKNOWN_CODE_PAYOUTS,
    CommandType.TILL_PAYOUT: UNKNOWN_CODE_PAYOUTS,
    CommandType.STATUS_INQUIRY: UNKNOWN_CODE_STATUS,
    CommandType.BALANCE_INQUIRY: UNKNOWN_CODE_BALANCE,
}

_SUSPENDED_BY = {PAYOUTS: (PAYOUTS, LOW_BALANCE, OUT_OF_MONEY, UNKNOWN_CODE_PAYOUTS)}
_GROUPS = {
    REFUNDS: (REFUNDS, UNKNOWN_CODE_REFUNDS, UNKNOWN_CODE_REVERSALS),
    PAYOUTS: _SUSPENDED_BY[PAYOUTS],
    INQUIRIES: (UNKNOWN_CODE_STATUS, UNKNOWN_CODE_BALANCE),
}
GROUPS = tuple(_GROUPS)
"""What a person resumes: all suspensions of a group at once."""


@dataclass(frozen=True)
class SuspensionRecord:
    """A suspension, current or ended: its name, the reason, and its start time."""

    name: str
    reason: str
    since: datetime


def suspend(session: Session, name: str, reason: str, now: datetime) -> None:
    """Suspend `name`, in the caller's transaction. A repeated call logs and publishes nothing."""
    _suspend(session, (name,), reason, now)


def _suspend(session: Session, names: Sequence[str], reason: str, now: datetime) -> None:
    """Suspend all `names` for one reason: one event for each that starts, and one alert for all of them."""
    values = {"reason": reason[:512], "since": now}
    started = [name for name in names if insert_once(session, Suspension, {"name": name, **values})]
    if not started:
        return
    log.error("ALERT: %s suspended: %s. %s", " and ".join(started), reason.rstrip("."), next_step(started))
    connection = driver_of(session)
    for name in started:
        if name != LOW_BALANCE:  # this one has an event of its own
            event = suspended_event(SuspensionRecord(name, reason[:512], now))
            connection.execute(rows_and_events([], [event], connection.is_postgres))


def next_step(names: Iterable[str]) -> str:
    """Return the sentence that says how these suspensions end."""
    groups = {group_of(name) for name in names if name != LOW_BALANCE}
    commands = [f"mpesa suspensions resume {group} --by NAME" for group in GROUPS if group in groups]
    if not commands:
        return "It ends when the balance is high enough."
    return f"Fix the cause, then: {' and '.join(commands)}"


def suspended_event(suspension: SuspensionRecord) -> Event:
    """Return the event of a suspension that starts. `resume` is what a person resumes."""
    data = {
        "name": suspension.name,
        "reason": suspension.reason,
        "since": suspension.since,
        "resume": group_of(suspension.name),
    }
    return Event(EventType.COMMANDS_SUSPENDED, new_id(suspension.since), 1, data, suspension.since)


def suspend_initiator(session: Session, reason: str, now: datetime) -> None:
    """Suspend everything that uses the initiator: M-Pesa refuses it, and locks it after retries."""
    _suspend(session, (REFUNDS, PAYOUTS), reason, now)


def unknown_code_of(command_type: CommandType) -> str:
    """Return the suspension that starts when commands of this type end with an unknown code, in a row."""
    return _UNKNOWN_CODE[command_type]


def group_of(name: str) -> str:
    """Return the group that a person resumes to end the suspension of this name."""
    return next(group for group, names in _GROUPS.items() if name in names)


def is_in_force(session: Session, name: str) -> bool:
    """Return whether the suspension of exactly this name is in force."""
    return session.get(Suspension, name) is not None


def why_suspended(session: Session, *names: str) -> str | None:
    """Return the reason why one of `names` is suspended, the oldest; None if none is."""
    causes = [cause for name in names for cause in _SUSPENDED_BY.get(name, (name,))]
    statement = select(Suspension.reason).where(Suspension.name.in_(causes))
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
    """End every suspension of the group `name`, and return them. The log records the actor.

    Unknown codes are counted from 0 again.
    """
    names = _GROUPS[name]
    with runtime.database.begin() as session:
        # The counts first: a result locks its count before it suspends.
        session.execute(delete(UnknownCodeCount).where(UnknownCodeCount.name.in_(names)))
        ended = end(session, *names)
    for record in ended:
        about = {
            "suspension": record.name,
            "reason": record.reason,
            "since": record.since.isoformat(),
            "actor": actor,
        }
        audit.info("suspension ended", extra=about)
    return ended


def resume_message(runtime: Runtime, name: str, ended: Sequence[SuspensionRecord]) -> str:
    """Return the sentences that report the result of `resume`, and what still stops inquiries."""
    message = f"{name.capitalize()} are resumed." if ended else f"{name.capitalize()} were not suspended."
    names = {record.name for record in list_all(runtime)} if name == INQUIRIES else set()
    return f"{message} {STILL_STOPPED}" if {REFUNDS, PAYOUTS} <= names else message
