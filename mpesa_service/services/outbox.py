"""The transactional outbox: an event is written if and only if the change that it announces is.

Written with it are its deliveries, one an endpoint that wants the type. `delivery.py` sends them.
"""

import json
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, Insert, bindparam, insert, literal, select
from sqlalchemy.orm import Session

from mpesa_service.domain.announcements import EventType
from mpesa_service.domain.deliveries import DeliveryStatus
from mpesa_service.domain.references import new_id
from mpesa_service.models import OutgoingEvent, Payment, Refund, WebhookDelivery, WebhookEndpoint
from mpesa_service.models.base import UtcDateTime
from mpesa_service.models.statements import table_of

NAIROBI = ZoneInfo("Africa/Nairobi")
DELIVERY_COLUMNS = (
    "endpoint_id",
    "outgoing_event_id",
    "resend",
    "status",
    "attempts",
    "claims",
    "due_at",
    "created_at",
)
_WRITE = insert(table_of(OutgoingEvent)).returning(table_of(OutgoingEvent).c.id)


@cache
def _deliver(event_type: EventType) -> Insert:
    """Return the statement that writes the deliveries of an event of this type; built once."""
    takers = select(
        WebhookEndpoint.id,
        bindparam("event_row", type_=BigInteger),
        literal(0),
        literal(DeliveryStatus.WAITING.value),
        literal(0),
        literal(0),
        bindparam("at", type_=UtcDateTime),
        bindparam("at", type_=UtcDateTime),
    )
    wanted = takers.where(WebhookEndpoint.enabled, WebhookEndpoint.wants(event_type))
    return insert(table_of(WebhookDelivery)).from_select(DELIVERY_COLUMNS, wanted, include_defaults=False)


def announce(
    session: Session,
    event_type: EventType | None,
    payment: Payment,
    before: str,
    at: datetime,
    refund: Refund | None = None,
) -> None:
    """Write the event of a move that a locked payment (or its refund) has just made, and its deliveries.

    `before` is the public status before the move. Without a type nothing is announced.
    """
    if event_type is None:
        return
    payment.outgoing_count += 1
    event = {
        "event_id": f"evt_{new_id(at)}",
        "subject_id": payment.id,
        "payment_id": payment.id,
        "refund_id": refund.id if refund else None,
        "type": event_type,
        "sequence": payment.outgoing_count,
        "payload": _payload(event_type, payment, refund, before, at),
        "created_at": at,
    }
    connection = session.connection()
    event_row = connection.scalar(_WRITE, event)
    connection.execute(_deliver(event_type), {"event_row": event_row, "at": at})


def _payload(
    event_type: EventType, payment: Payment, refund: Refund | None, before: str, at: datetime
) -> bytes:
    """Return the bytes that every attempt sends, in UTF-8. They name no phone, not even a masked one."""
    data = _payment(payment)
    if refund is None:
        data["previousStatus"] = before
    else:
        data["refund"] = {**_refund(refund), "previousStatus": before}
    timestamp = at.astimezone(NAIROBI).isoformat(timespec="milliseconds")
    body = {"type": event_type, "timestamp": timestamp, "data": data}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def _payment(payment: Payment) -> dict[str, Any]:
    return {
        "_id": payment.id,
        "sequence": payment.outgoing_count,
        "provider": payment.provider,
        "orderId": payment.order_id,
        "status": payment.state.public,
        "amount": payment.amount,
        "currency": payment.currency,
        "mpesaReceiptNumber": payment.receipt,
        "refundedAmount": payment.refunded_amount,
        "failureReason": payment.failure_reason,
        "resultCode": payment.result_code,
        "evidence": payment.evidence,
        "metadata": payment.details,
    }


def _refund(refund: Refund) -> dict[str, Any]:
    return {
        "_id": refund.id,
        "refundId": refund.conversation_id,
        "refundAmount": refund.amount,
        "status": refund.state.public,
        "mpesaReceiptNumber": refund.receipt,
        "resultCode": refund.result_code,
        "failureReason": refund.failure_reason,
        "evidence": refund.evidence,
    }
