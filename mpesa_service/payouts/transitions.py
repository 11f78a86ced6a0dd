"""Transitions of payouts and of batches. No other code changes their status.

The caller locks the row and sets the columns that the transition needs. The functions check the transition
table, and write the line of the audit trail and the outgoing event in the caller's transaction.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from mpesa_service.core.database import after_commit
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.changes import AUDIT_LOG
from mpesa_service.domain.event_types import EventType, batch_event_type, payout_event_type
from mpesa_service.domain.money import CURRENCY
from mpesa_service.domain.payout_batches import BATCH_TRANSITIONS, PAYOUT_UNFINISHED
from mpesa_service.domain.plans import Event, LogLine
from mpesa_service.domain.states import PAYOUT_TRANSITIONS, PayoutStatus
from mpesa_service.models import Payout, PayoutBatch, PayoutEvent
from mpesa_service.payouts.views import Share, shares_of
from mpesa_service.webhooks.outbox import publish

log = logging.getLogger("mpesa_service.audit")


def create_batch(
    session: Session, batch: PayoutBatch, rows: Sequence[Mapping[str, Any]], cause: Cause
) -> None:
    """Store a new batch's waiting rows, each with the first line of its audit trail, and the batch's own.

    The batch itself is stored already: its unique reference decided who may.
    """
    waiting = PayoutStatus.WAITING.value
    session.execute(insert(Payout), [{**row, "status": waiting, "event_count": 1} for row in rows])
    trails = [_line(batch.id, row["id"], None, waiting, "created", 1, cause) for row in rows]
    session.execute(insert(PayoutEvent), trails)
    _record_batch(session, batch, None, "created", cause)
    _publish_batch(session, batch, "created", cause)


def move_batch(session: Session, batch: PayoutBatch, edge: str, cause: Cause) -> None:
    """Move a locked batch along `edge`; raise ForbiddenTransition if the table has no such edge."""
    before = batch.state
    batch.status = BATCH_TRANSITIONS.target(edge, before)
    batch.updated_at = cause.at
    if edge == "finished":
        batch.completed_at = cause.at
    _record_batch(session, batch, before, edge, cause)
    _publish_batch(session, batch, edge, cause)


def move_payout(session: Session, row: Payout, edge: str, cause: Cause) -> None:
    """Move a locked payout along `edge`; raise ForbiddenTransition if the table has no such edge."""
    before = row.state
    after = PAYOUT_TRANSITIONS.target(edge, before)
    row.status = after
    row.updated_at = cause.at
    row.evidence = cause.evidence or row.evidence
    if after not in PAYOUT_UNFINISHED:
        row.completed_at = cause.at
    if after not in PAYOUT_UNFINISHED or after is PayoutStatus.WAITING:
        row.next_check_at = None
    if after is PayoutStatus.FAILED:
        row.paid_at = row.paid_at_source = None
    _record_payout(session, row, before, edge, cause)
    _publish_payout(session, row, before, cause)


def note_payout(session: Session, row: Payout, what: str, cause: Cause) -> None:
    """Write a line of a payout's audit trail that changes no state."""
    _record_payout(session, row, row.status, what, cause)


def _publish_batch(session: Session, batch: PayoutBatch, edge: str, cause: Cause) -> None:
    event = batch_event_type(edge, batch.state)
    if event is not None:
        batch.outgoing_count += 1
        publish(session, batch_event(event, batch, shares_of(session, batch.id), cause.at))


def _publish_payout(session: Session, row: Payout, before: PayoutStatus, cause: Cause) -> None:
    event = payout_event_type(row.state)
    if event is not None:
        row.outgoing_count += 1
        reference = session.get_one(PayoutBatch, row.batch_id).reference
        publish(session, payout_event(event, row, reference, before.public, cause.at))


def _line(
    batch_id: str,
    payout_id: str | None,
    before: str | None,
    after: str,
    name: str,
    sequence: int,
    cause: Cause,
) -> dict[str, Any]:
    """Return one line of an audit trail: that of a row, or without `payout_id` that of its batch."""
    return {
        "subject_id": payout_id or batch_id,
        "batch_id": batch_id,
        "payout_id": payout_id,
        "sequence": sequence,
        "from_status": before,
        "to_status": after,
        "cause": name,
        "evidence": cause.evidence,
        "actor": cause.actor,
        "detail": cause.detail or {},
        "at": cause.at,
    }


def _record_batch(session: Session, batch: PayoutBatch, before: str | None, name: str, cause: Cause) -> None:
    batch.event_count += 1
    _write(session, _line(batch.id, None, before, batch.status, name, batch.event_count, cause))


def _record_payout(session: Session, row: Payout, before: str, name: str, cause: Cause) -> None:
    row.event_count += 1
    _write(session, _line(row.batch_id, row.id, before, row.status, name, row.event_count, cause))


def _write(session: Session, line: Mapping[str, Any]) -> None:
    session.add(PayoutEvent(**line))
    names = ("batch_id", "payout_id", "from_status", "to_status", "cause", "evidence")
    extra = {name: line[name] for name in names}
    after_commit(session, [LogLine(AUDIT_LOG, logging.INFO, "state change", extra)])


def payout_event(event_type: EventType, row: Payout, reference: str, before: str, at: datetime) -> Event:
    """Return the event of a payout in the batch with this reference; `before` is its previous status."""
    data = {
        "batchId": row.batch_id,
        "reference": reference,
        "row": row.row_number,
        "type": row.type,
        "status": row.state.public,
        "amount": row.amount,
        "currency": CURRENCY,
        "mpesaReceiptNumber": row.receipt,
        "failureReason": row.failure_reason,
        "resultCode": row.result_code,
        "evidence": row.evidence,
        "previousStatus": before,
    }
    return Event(event_type, row.id, row.outgoing_count, data, at)


def batch_event(
    event_type: EventType, batch: PayoutBatch, shares: Mapping[str, Share], at: datetime
) -> Event:
    """Return the event of a batch, with its rows by status."""
    data = {
        "reference": batch.reference,
        "description": batch.description,
        "status": batch.status,
        "rowCount": batch.row_count,
        "totalAmount": batch.total_amount,
        "currency": CURRENCY,
        "rows": {status: vars(share) for status, share in shares.items()},
    }
    return Event(event_type, batch.id, batch.outgoing_count, data, at)
