"""Taking payments that are due to be looked into: a handful at a time, in one short transaction.

A process that claims payments moves their `next_check_at` a lease ahead: no other process claims them. If it
is killed, they are due again when the lease runs out. They are asked about one by one. What was not begun
`ASK_WITHIN` after it was taken is given back, its turn of the pace too: so turns are used about when they
were granted, and whoever is asked about last has all of the lease but these seconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, not_, or_, select, update
from sqlalchemy.orm import Session

from mpesa_service.core import token_bucket
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.schedule import CALL_LIMIT
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.models import Payment
from mpesa_service.models.statements import table_of

ASK_WITHIN = timedelta(seconds=5)
"""Of being taken."""
BATCH = 50
"""Payments taken at once, if the pace has as many turns: what a Daraja that answers at once gets through."""

_T = table_of(Payment)
_P = _T.c
_DUE = _P.next_check_at <= bindparam("now")
_NOBODY_TO_ASK = or_(_P.checkout_id_encrypted.is_(None), _P.status == PaymentStatus.SUBMITTING)
_LEASE: dict[str, Any] = {"next_check_at": bindparam("lease"), "version": _P.version + 1}
_LEASE_AND_COUNT = {**_LEASE, "last_checked_at": bindparam("by"), "check_attempts": _P.check_attempts + 1}


class _Which:
    """The statements that take payments of a kind, the longest due first."""

    def __init__(self, condition: ColumnElement[bool], changes: dict[str, Any]) -> None:
        self.any = select(_P.id).where(_DUE, condition).limit(1)
        found = select(_P.id, _P.checkout_id_encrypted, _P.next_check_at).where(_DUE, condition)
        self.find = found.order_by(_P.next_check_at).limit(bindparam("most"))
        self.take = update(_T).where(_P.id.in_(bindparam("ids", expanding=True))).values(changes)
        due = self.find.with_for_update(skip_locked=True).cte("due")
        self.at_once = update(_T).where(_P.id == due.c.id).values(changes).returning(*due.c)


_UNASKABLE = _Which(_NOBODY_TO_ASK, _LEASE)
_ASKABLE = _Which(not_(_NOBODY_TO_ASK), _LEASE_AND_COUNT)
_STILL_HELD = (
    select(_P.id)
    .where(_P.id.in_(bindparam("ids", expanding=True)), _P.next_check_at == bindparam("lease"))
    .with_for_update(skip_locked=True)
)
_GIVE_BACK = (
    update(_T)
    .where(_P.id == bindparam("its_id"))
    .values(next_check_at=bindparam("its_due"), check_attempts=_P.check_attempts - 1, version=_P.version + 1)
)


@dataclass(frozen=True)
class Turn:
    """A payment taken to be looked into; without a CheckoutRequestID there is nobody to ask.

    `due_at` is since when it was due by its schedule. None where only a reader's impatience asked: that uses
    up no step of the schedule, and its failure means nothing.
    """

    payment_id: str
    checkout_id_encrypted: bytes | None
    due_at: datetime | None
    taken_at: datetime

    @property
    def scheduled(self) -> bool:
        return self.due_at is not None

    def is_too_late(self, now: datetime) -> bool:
        """Tell whether it is to be given back instead of begun."""
        return self.checkout_id_encrypted is not None and now - self.taken_at > ASK_WITHIN


def take_one(runtime: Runtime, session: Session, payment: Payment, now: datetime) -> Turn | None:
    """Take a locked payment; None when Daraja may not be asked yet."""
    at = payment.next_check_at
    due_at = at if at is not None and at <= now else None
    if payment.checkout_id_encrypted is None or payment.state is PaymentStatus.SUBMITTING:
        return Turn(payment.id, None, payment.next_check_at, now)
    if not token_bucket.take(session, token_bucket.QUERIES, runtime.settings.queries_per_minute, now):
        return None
    payment.last_checked_at = now
    if due_at is not None:
        payment.check_attempts += 1
        payment.next_check_at = now + CALL_LIMIT
    return Turn(payment.id, payment.checkout_id_encrypted, due_at, now)


def take_unaskable(runtime: Runtime, most: int) -> list[Turn]:
    """Take payments that are due and about which nobody can be asked, whatever the pace; commits."""
    now = runtime.clock()
    with runtime.database.read() as session:
        if session.connection().scalar(_UNASKABLE.any, {"now": now}) is None:
            return []
    with runtime.database.begin() as session:
        return _take(session, _UNASKABLE, most, now)


def take_askable(runtime: Runtime, most: int) -> list[Turn]:
    """Take the payments that have been due longest, as many as Daraja may be asked about now; commits."""
    now, per_minute = runtime.clock(), runtime.settings.queries_per_minute
    with runtime.database.begin() as session:
        next_at = token_bucket.locked(session, token_bucket.QUERIES, now)
        most = min(most, token_bucket.free(next_at, per_minute, now))
        taken = _take(session, _ASKABLE, most, now) if most else []
        if taken:
            next_at = token_bucket.after(next_at, per_minute, now, len(taken))
            token_bucket.put(session, token_bucket.QUERIES, next_at)
        return taken


def give_back(runtime: Runtime, turns: Sequence[Turn]) -> None:
    """Make payments that were taken to be asked about, and were not, due as before; commits.

    One that another transaction has locked, or moved meanwhile, stays as it is: its lease runs out.
    """
    back = {turn.payment_id: turn for turn in turns}
    now, per_minute = runtime.clock(), runtime.settings.queries_per_minute
    with runtime.database.begin() as session:
        connection = session.connection()
        # Payments before the pace, as everybody locks them who waits for them.
        held = {"ids": list(back), "lease": turns[0].taken_at + CALL_LIMIT}
        for payment_id in connection.scalars(_STILL_HELD, held).all():
            connection.execute(_GIVE_BACK, {"its_id": payment_id, "its_due": back[payment_id].due_at})
        token_bucket.give_back(session, token_bucket.QUERIES, per_minute, now, len(turns))


def _take(session: Session, which: _Which, most: int, now: datetime) -> list[Turn]:
    """Take the longest due; on PostgreSQL in one statement, on SQLite nobody else writes meanwhile."""
    connection = session.connection()
    values = {"now": now, "most": most, "lease": now + CALL_LIMIT, "by": now + ASK_WITHIN}
    if connection.dialect.name == "postgresql":
        found = sorted(connection.execute(which.at_once, values).all(), key=lambda row: row.next_check_at)
    else:
        found = list(connection.execute(which.find, values).all())
        connection.execute(which.take, {**values, "ids": [row.id for row in found]})
    return [Turn(row.id, row.checkout_id_encrypted, row.next_check_at, now) for row in found]
