"""Claims payments that are due for a query: one batch at a time, in a short transaction.

A process that claims payments moves their `next_check_at` a lease ahead, so no other process claims them. If
the process is killed, the payments are due again when the lease ends. It queries Daraja about the claimed
payments one by one. A payment whose query has not begun `QUERY_WITHIN` after the claim is released, together
with its token of the rate limiter. So tokens are used soon after they were acquired, and the last query of a
batch has almost the whole lease.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, not_, or_, select, update
from sqlalchemy.orm import Session

from mpesa_service.core import daraja_limiter
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.schedule import CALL_LIMIT
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.models import Payment
from mpesa_service.models.statements import table_of

QUERY_WITHIN = timedelta(seconds=5)
"""The time from the claim in which a query must begin."""
BATCH = 50
"""Payments per claim, if the rate limiter grants as many tokens. A fast Daraja answers that many in time."""

_T = table_of(Payment)
_P = _T.c
_DUE = _P.next_check_at <= bindparam("now")
_NOT_QUERYABLE = or_(_P.checkout_id_encrypted.is_(None), _P.status == PaymentStatus.SUBMITTING)
_LEASE: dict[str, Any] = {"next_check_at": bindparam("lease"), "version": _P.version + 1}
_LEASE_AND_COUNT = {**_LEASE, "last_checked_at": bindparam("by"), "check_attempts": _P.check_attempts + 1}


class _Which:
    """The statements that claim payments of one kind. The payment that is due longest comes first."""

    def __init__(self, condition: ColumnElement[bool], changes: dict[str, Any]) -> None:
        self.any = select(_P.id).where(_DUE, condition).limit(1)
        found = select(_P.id, _P.checkout_id_encrypted, _P.next_check_at).where(_DUE, condition)
        self.find = found.order_by(_P.next_check_at).limit(bindparam("most"))
        self.claim = update(_T).where(_P.id.in_(bindparam("ids", expanding=True))).values(changes)
        due = self.find.with_for_update(skip_locked=True).cte("due")
        self.at_once = update(_T).where(_P.id == due.c.id).values(changes).returning(*due.c)


_UNQUERYABLE = _Which(_NOT_QUERYABLE, _LEASE)
_QUERYABLE = _Which(not_(_NOT_QUERYABLE), _LEASE_AND_COUNT)
_STILL_LEASED = (
    select(_P.id)
    .where(_P.id.in_(bindparam("ids", expanding=True)), _P.next_check_at == bindparam("lease"))
    .with_for_update(skip_locked=True)
)
_RELEASE = (
    update(_T)
    .where(_P.id == bindparam("its_id"))
    .values(next_check_at=bindparam("its_due"), check_attempts=_P.check_attempts - 1, version=_P.version + 1)
)


@dataclass(frozen=True)
class Lease:
    """A claimed payment. Without a CheckoutRequestID, Daraja cannot be queried about it.

    `due_at` is the time at which the schedule made it due. It is None if a reader caused the query: such a
    query uses no step of the schedule, and its failure has no effect.
    """

    payment_id: str
    checkout_id_encrypted: bytes | None
    due_at: datetime | None
    claimed_at: datetime

    @property
    def scheduled(self) -> bool:
        return self.due_at is not None

    def is_too_late(self, now: datetime) -> bool:
        """Return whether it is too late to begin the query, so that the claim must be released."""
        return self.checkout_id_encrypted is not None and now - self.claimed_at > QUERY_WITHIN


def claim_one(runtime: Runtime, session: Session, payment: Payment, now: datetime) -> Lease | None:
    """Claim a locked payment; return None if the schedule does not allow a query yet."""
    at = payment.next_check_at
    due_at = at if at is not None and at <= now else None
    if payment.checkout_id_encrypted is None or payment.state is PaymentStatus.SUBMITTING:
        return Lease(payment.id, None, payment.next_check_at, now)
    if not daraja_limiter.acquire(session, daraja_limiter.QUERIES, runtime.settings.queries_per_minute, now):
        return None
    payment.last_checked_at = now
    if due_at is not None:
        payment.check_attempts += 1
        payment.next_check_at = now + CALL_LIMIT
    return Lease(payment.id, payment.checkout_id_encrypted, due_at, now)


def claim_unqueryable(runtime: Runtime, most: int) -> list[Lease]:
    """Claim due payments that Daraja cannot be queried about; commits. They need no rate limiter."""
    now = runtime.clock()
    with runtime.database.read() as session:
        if session.connection().scalar(_UNQUERYABLE.any, {"now": now}) is None:
            return []
    with runtime.database.begin() as session:
        return _claim(session, _UNQUERYABLE, most, now)


def claim_queryable(runtime: Runtime, most: int) -> list[Lease]:
    """Claim the payments that are due longest, as many as the rate limiter allows now; commits."""
    now, per_minute = runtime.clock(), runtime.settings.queries_per_minute
    with runtime.database.begin() as session:
        next_at = daraja_limiter.lock(session, daraja_limiter.QUERIES, now)
        most = min(most, daraja_limiter.available(next_at, per_minute, now))
        claimed = _claim(session, _QUERYABLE, most, now) if most else []
        if claimed:
            next_at = daraja_limiter.after_acquiring(next_at, per_minute, now, len(claimed))
            daraja_limiter.store(session, daraja_limiter.QUERIES, next_at)
        return claimed


def release(runtime: Runtime, leases: Sequence[Lease]) -> None:
    """Release claimed payments that were not queried, so that they are due as before; commits.

    A payment that another transaction has locked or changed stays as it is: its lease ends by itself.
    """
    back = {lease.payment_id: lease for lease in leases}
    now, per_minute = runtime.clock(), runtime.settings.queries_per_minute
    with runtime.database.begin() as session:
        connection = session.connection()
        # Lock payments before the rate limiter. Every other writer locks them in this order.
        still_leased = {"ids": list(back), "lease": leases[0].claimed_at + CALL_LIMIT}
        for payment_id in connection.scalars(_STILL_LEASED, still_leased).all():
            connection.execute(_RELEASE, {"its_id": payment_id, "its_due": back[payment_id].due_at})
        daraja_limiter.release(session, daraja_limiter.QUERIES, per_minute, now, len(leases))


def _claim(session: Session, which: _Which, most: int, now: datetime) -> list[Lease]:
    """Claim the payments that are due longest: one statement on PostgreSQL; SQLite has a single writer."""
    connection = session.connection()
    values = {"now": now, "most": most, "lease": now + CALL_LIMIT, "by": now + QUERY_WITHIN}
    if connection.dialect.name == "postgresql":
        found = sorted(connection.execute(which.at_once, values).all(), key=lambda row: row.next_check_at)
    else:
        found = list(connection.execute(which.find, values).all())
        connection.execute(which.claim, {**values, "ids": [row.id for row in found]})
    return [Lease(row.id, row.checkout_id_encrypted, row.next_check_at, now) for row in found]
