"""Admits an action by which money leaves, or lets it wait for a second person.

`admit` runs in the transaction that carries out the action. The sums of a person and of a payee are read
under a lock that lasts to the end of the transaction, so two actions that exceed a limit together never pass
together. SQLite has one writer at a time, so it needs no lock.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, exists, func, insert, select, text
from sqlalchemy.orm import Session

from mpesa_service.config import Settings
from mpesa_service.core.encryption import Encryption
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.outflow import DAY, LastDay, Limit, Limits, OutflowKind, limits_exceeded
from mpesa_service.domain.states import RefundStatus
from mpesa_service.models import CountedOutflow, Refund
from mpesa_service.outflow.actions import Action, Consent, person_index
from mpesa_service.outflow.decisions import use_up, wait
from mpesa_service.outflow.records import ApprovalRecord

LOCK_SPACE = 1_330_005_580
"""The first half of the advisory locks' keys: no other lock of the service has it."""
BUCKETS = 64
"""Locks that persons and payees share. PostgreSQL has room for some thousand locks in all."""
PAGE = 500
KEPT_FOR = 3 * DAY
_LOCK = text("SELECT pg_advisory_xact_lock(:space, :bucket)")
_REFUND_FAILED = exists().where(Refund.id == CountedOutflow.subject_id, Refund.status == RefundStatus.FAILED)


def admit(
    runtime: Runtime, session: Session, action: Action, counted_as: str, consent: Consent | None = None
) -> ApprovalRecord | None:
    """Count an action that is carried out now, as `counted_as`; or store that it waits, and return that.

    With a consent, the action is carried out if it is exactly the approved one. Raises Conflict if the
    approval is used, rejected, expired, or for another action.
    """
    if consent is None:
        waiting = hold(runtime, session, action)
        if waiting is not None:
            return waiting
    else:
        use_up(runtime, session, action, consent, counted_as)
        _lock(session, _keys(runtime.encryption, action))
    count(runtime, session, action, counted_as)
    return None


def hold(runtime: Runtime, session: Session, action: Action) -> ApprovalRecord | None:
    """Store that an action waits, if it exceeds a limit; return None if it does not."""
    exceeded = exceeded_by(runtime, session, action)
    return wait(runtime, session, action, exceeded) if exceeded else None


def exceeded_by(runtime: Runtime, session: Session, action: Action) -> tuple[Limit, ...]:
    """Return the limits that an action exceeds, with the sums locked to the end of the transaction."""
    keys = _keys(runtime.encryption, action)
    _lock(session, keys)
    sums = _sums(session, keys, runtime.clock() - DAY)
    last_day = LastDay(sums.get(keys[0], 0), sums)
    return limits_exceeded(action.outflow, last_day, limits_of(runtime.settings, action.kind))


def count(runtime: Runtime, session: Session, action: Action, counted_as: str) -> None:
    """Count an action that is carried out, for its maker and for each payee."""
    session.execute(insert(CountedOutflow), counted_rows(runtime, action, counted_as))


def counted_rows(runtime: Runtime, action: Action, counted_as: str) -> list[dict[str, Any]]:
    """Return the rows that count an action, for its maker and for each payee."""
    parts = {person_index(runtime.encryption, action.maker): action.amount, **action.payees}
    now = runtime.clock()
    return [
        {"counted_for": key, "subject_id": counted_as, "kind": action.kind.value, "amount": part, "at": now}
        for key, part in parts.items()
    ]


def limits_of(settings: Settings, kind: OutflowKind) -> Limits:
    """Return the limits for a kind of action. Payouts may have a limit of their own for one batch."""
    own = settings.payout_approval_threshold if kind is OutflowKind.PAYOUT else None
    single = settings.approval_single if own is None else own
    return Limits(single, settings.approval_per_maker_day, settings.approval_per_payee_day)


def prune(runtime: Runtime) -> int:
    """Delete amounts that no limit counts any more; return how many."""
    old = CountedOutflow.at < runtime.clock() - KEPT_FOR
    with runtime.database.begin() as session:
        return len(session.execute(delete(CountedOutflow).where(old).returning(CountedOutflow.id)).all())


def _keys(encryption: Encryption, action: Action) -> list[str]:
    """Return the keys that the action is counted for: its maker's first."""
    return [person_index(encryption, action.maker), *action.payees]


def _lock(session: Session, keys: Iterable[str]) -> None:
    """Lock the sums of these persons and payees, always in the same order."""
    if session.get_bind().dialect.name != "postgresql":
        return
    for bucket in sorted({int(key[:8], 16) % BUCKETS for key in keys}):
        session.execute(_LOCK, {"space": LOCK_SPACE, "bucket": bucket})


def _sums(session: Session, keys: Sequence[str], since: datetime) -> Mapping[str, int]:
    """Return the shillings that were moved since, by key. Refunds that failed moved none."""
    row = CountedOutflow
    sums: dict[str, int] = {}
    for start in range(0, len(keys), PAGE):
        page = keys[start : start + PAGE]
        statement = (
            select(row.counted_for, func.sum(row.amount))
            .where(row.counted_for.in_(page), row.at > since, ~_REFUND_FAILED)
            .group_by(row.counted_for)
        )
        sums |= {key: int(total) for key, total in session.execute(statement)}
    return sums
