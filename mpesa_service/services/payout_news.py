"""What is told to the outside of payouts and batches. It names no party: a bill account may be a phone."""

from collections.abc import Mapping

from mpesa_service.domain.money import CURRENCY
from mpesa_service.models import Payout, PayoutBatch
from mpesa_service.services.outbox import News
from mpesa_service.services.payout_records import Share


def payout_news(row: Payout, reference: str, before: str) -> News:
    """Return what is told of a payout, in the batch with this reference; `before` is the status it had."""
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
    return News(row.id, row.outgoing_count, data)


def batch_news(batch: PayoutBatch, shares: Mapping[str, Share]) -> News:
    """Return what is told of a batch, with its rows by status."""
    data = {
        "reference": batch.reference,
        "description": batch.description,
        "status": batch.status,
        "rowCount": batch.row_count,
        "totalAmount": batch.total_amount,
        "currency": CURRENCY,
        "rows": {status: vars(share) for status, share in shares.items()},
    }
    return News(batch.id, batch.outgoing_count, data)
