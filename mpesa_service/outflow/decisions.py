"""Stores that an action waits, and what became of it. Each change is published and logged.

Each decision locks the row: of an approval, a rejection and the expiry, one counts.
"""

import logging
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.core.database import after_commit
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.changes import AUDIT_LOG
from mpesa_service.domain.event_types import APPROVAL_EVENTS
from mpesa_service.domain.money import CURRENCY
from mpesa_service.domain.outflow import ApprovalStatus, Limit
from mpesa_service.domain.payout_batches import is_same_actor
from mpesa_service.domain.plans import Event, LogLine
from mpesa_service.domain.references import new_id
from mpesa_service.errors import Conflict, Forbidden, NotFound
from mpesa_service.models import Approval
from mpesa_service.models.statements import insert_once
from mpesa_service.outflow.actions import Action, Consent
from mpesa_service.outflow.records import ApprovalRecord, approval_record
from mpesa_service.webhooks.outbox import publish

_IS_MAKER = "The person who requested this cannot approve it: a second person decides."


def wait(runtime: Runtime, session: Session, action: Action, exceeded: tuple[Limit, ...]) -> ApprovalRecord:
    """Store that an action waits for a second person. If an equal action waits already, return that one."""
    now = runtime.clock()
    action_hash = action.hash(runtime.encryption)
    columns = {
        "id": new_id(now),
        "kind": action.kind.value,
        "status": ApprovalStatus.WAITING.value,
        "subject_id": action.subject_id,
        "order_id": action.order_id,
        "amount": action.amount,
        "limits": " ".join(exceeded),
        "reason": action.reason,
        "action_hash": action_hash,
        "action_encrypted": action.encrypted(runtime.encryption),
        "requested_by": action.maker,
        "outgoing_count": 0,
        "expires_at": now + runtime.settings.approval_lifetime,
        "created_at": now,
        "updated_at": now,
    }
    if not insert_once(session, Approval, columns):
        earlier = _equal(session, action_hash)
        if earlier.expires_at > now:
            return approval_record(runtime.encryption, earlier)
        expire(session, earlier, now)
        session.flush()
        insert_once(session, Approval, columns)
    row = session.get_one(Approval, columns["id"])
    _report(session, row, now)
    session.flush()
    return approval_record(runtime.encryption, row)


def use_up(runtime: Runtime, session: Session, action: Action, consent: Consent, result_id: str) -> None:
    """Approve what waits, in the transaction that carries it out. See `gate.admit`."""
    now = runtime.clock()
    row = lock_waiting(session, consent.approval_id, now)
    refuse_maker(row, consent.by)
    refuse_other(row, action.hash(runtime.encryption))
    row.result_id = result_id
    _decide(session, row, ApprovalStatus.APPROVED, consent.by, consent.reason, now)


def reject(runtime: Runtime, session: Session, approval_id: str, by: str, reason: str) -> ApprovalRecord:
    """Reject what waits; the maker may, too. Raises NotFound, and Conflict if it is decided or expired."""
    now = runtime.clock()
    row = lock_waiting(session, approval_id, now)
    _decide(session, row, ApprovalStatus.REJECTED, by, reason, now)
    session.flush()
    return approval_record(runtime.encryption, row)


def expire(session: Session, row: Approval, now: datetime) -> None:
    """End a locked approval whose time is over."""
    _decide(session, row, ApprovalStatus.EXPIRED, None, None, now)


def withdraw(session: Session, approval_id: str, by: str, why: str, now: datetime) -> None:
    """Reject what waits, if it still does: its subject has ended."""
    row = lock(session, approval_id)
    if row.state is ApprovalStatus.WAITING:
        _decide(session, row, ApprovalStatus.REJECTED, by, why, now)


def lock_waiting(session: Session, approval_id: str, now: datetime) -> Approval:
    """Lock an approval that waits. Raises NotFound, and Conflict if it is decided or its time is over."""
    found = lock(session, approval_id)
    refuse_decided(found, now)
    return found


def lock(session: Session, approval_id: str) -> Approval:
    """Return an approval, locked to the end of the transaction; raise NotFound."""
    statement = select(Approval).where(Approval.id == approval_id).with_for_update()
    found = session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if found is None:
        raise NotFound("There is no such approval.")
    return found


def refuse_decided(row: Approval, now: datetime) -> None:
    """Raise Conflict unless the action still waits."""
    if row.state is ApprovalStatus.WAITING and row.expires_at > now:
        return
    if row.state in {ApprovalStatus.WAITING, ApprovalStatus.EXPIRED}:
        raise Conflict("Nobody approved this in time. Request it again.", code="approval_expired")
    raise Conflict(
        f"This was {row.status} by {row.decided_by} before.",
        code="approval_decided",
        details={"status": row.status, "decidedBy": row.decided_by, "resultId": row.result_id},
    )


def refuse_maker(row: Approval, by: str) -> None:
    """Raise Forbidden for the person who requested the action."""
    if is_same_actor(row.requested_by, by):
        raise Forbidden(_IS_MAKER, code="maker_cannot_approve")


def refuse_other(row: Approval, action_hash: str) -> None:
    """Raise Conflict if the action is not exactly the approved one any more."""
    if row.action_hash != action_hash:
        raise Conflict(
            "What was requested has changed since: the amount, the payee or the order. Reject it, and request"
            " it again.",
            code="approval_outdated",
        )


def _equal(session: Session, action_hash: str) -> Approval:
    statement = select(Approval).where(Approval.action_hash == action_hash)
    return session.scalars(statement.where(Approval.status == ApprovalStatus.WAITING).with_for_update()).one()


def _decide(
    session: Session, row: Approval, status: ApprovalStatus, by: str | None, why: str | None, now: datetime
) -> None:
    row.status, row.decided_by, row.decided_why = status.value, by, why
    row.decided_at = row.updated_at = now
    _report(session, row, now)


def _report(session: Session, row: Approval, now: datetime) -> None:
    row.outgoing_count += 1
    publish(session, approval_event(row, now))
    after_commit(session, [log_line(row)])


def log_line(row: Approval) -> LogLine:
    """Return the log line of an approval's present status."""
    extra = {
        "approval_id": row.id,
        "kind": row.kind,
        "subject_id": row.subject_id,
        "amount": row.amount,
        "to_status": row.status,
        "actor": row.decided_by or row.requested_by,
    }
    return LogLine(AUDIT_LOG, logging.INFO, "approval", extra)


def approval_event(row: Approval, now: datetime) -> Event:
    """Return the event of an approval's present status. It names no person."""
    data = {
        "kind": row.kind,
        "status": row.status,
        "subjectId": row.subject_id,
        "orderId": row.order_id,
        "amount": row.amount,
        "currency": CURRENCY,
        "limits": row.limits.split(),
        "expiresAt": row.expires_at,
        "resultId": row.result_id,
    }
    return Event(APPROVAL_EVENTS[row.state], row.id, row.outgoing_count, data, now)
