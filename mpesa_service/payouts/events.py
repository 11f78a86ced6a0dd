"""The data of payout and batch events. It names no party, because a bill account may be a phone."""

from collections.abc import Mapping
from datetime import datetime

from mpesa_service.domain.event_types import EventType
from mpesa_service.domain.money import CURRENCY
from mpesa_service.domain.plans import Event
from mpesa_service.models import Payout, PayoutBatch
from mpesa_service.payouts.views import Share


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
