"""The transactional outbox: an event is written if and only if the change that it announces is.

Written with it are its deliveries, one an endpoint that wants the type. `delivery.py` sends them.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, literal, select
from sqlalchemy.orm import Session

from mpesa_service.domain.announcements import EventType
from mpesa_service.domain.deliveries import DeliveryStatus
from mpesa_service.domain.references import new_id
from mpesa_service.models import OutgoingEvent, Payment, Refund, WebhookDelivery, WebhookEndpoint
from mpesa_service.models.base import UtcDateTime

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


def announce(
    session: Session,
    event_type: EventType | None,
    payment: Payment,
    before: str,
    at: datetime,
    refund: Refund | None = None,
    order: Mapping[str, Any] | None = None,
) -> None:
    """Write the event of a move that a locked payment, its refund or its order has made, and its deliveries.

    `before` is the public status before the move. Without a type nothing is announced.
    """
    if event_type is None:
        return
    payment.outgoing_count += 1
    event = OutgoingEvent(
        event_id=f"evt_{new_id(at)}",
        subject_id=payment.id,
        payment_id=payment.id,
        refund_id=refund.id if refund else None,
        type=event_type,
        sequence=payment.outgoing_count,
        payload=_payload(event_type, payment, refund, before, at, order),
        created_at=at,
    )
    session.add(event)
    session.flush()
    takers = (
        select(
            WebhookEndpoint.id,
            literal(event.id),
            literal(0),
            literal(DeliveryStatus.WAITING.value),
            literal(0),
            literal(0),
            literal(at, UtcDateTime()),
            literal(at, UtcDateTime()),
        )
        .where(WebhookEndpoint.enabled)
        .where(WebhookEndpoint.wants(event_type))
    )
    session.execute(insert(WebhookDelivery).from_select(DELIVERY_COLUMNS, takers, include_defaults=False))


def _payload(
    event_type: EventType,
    payment: Payment,
    refund: Refund | None,
    before: str,
    at: datetime,
    order: Mapping[str, Any] | None = None,
) -> bytes:
    """Return the bytes that every attempt sends, in UTF-8. They name no phone, not even a masked one."""
    data = _payment(payment)
    if order is not None:
        data["order"] = order
    elif refund is None:
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
