"""The transactional outbox: an event is written if and only if the change that it announces is.

Written with it are its deliveries, one an endpoint that wants the type. `delivery.py` sends them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    Insert,
    bindparam,
    insert,
    literal_column,
    select,
    true,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from mpesa_service.domain.announcements import EventType
from mpesa_service.domain.deliveries import DeliveryStatus
from mpesa_service.domain.references import new_id
from mpesa_service.models import OutgoingEvent, Payment, Refund, WebhookDelivery, WebhookEndpoint
from mpesa_service.models.base import UtcDateTime
from mpesa_service.models.statements import table_of
from mpesa_service.models.together import Row, row_of, write

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
EVENTS = table_of(OutgoingEvent)
_WRITE = insert(EVENTS).returning(EVENTS.c.id)


@dataclass(frozen=True)
class _Event:
    """An event of one type with its deliveries, one for each endpoint that wants the type."""

    type: EventType
    row: Row

    def types(self) -> Mapping[str, TypeEngine[Any]]:
        """Return the types of the event's columns."""
        return self.row.types()

    def parts(self, prefix: str, source: FromClause) -> list[CTE | Insert]:
        """Return the insert of the event, and that of the deliveries, which refers to it."""
        written = self.row.insert_from(prefix, source)
        event = written.returning(EVENTS.c.id, EVENTS.c.created_at).cte(f"{prefix}event")
        return [event, _deliver(self.type, event.c.id, event.c.created_at, event)]

    def write(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Insert the event, and then its deliveries."""
        event_row = connection.scalar(_WRITE, values)
        connection.execute(_deliver_later(self.type), {"event_row": event_row, "at": values["created_at"]})


@cache
def _deliver_later(event_type: EventType) -> Insert:
    """Return the statement that writes the deliveries of an event that is written; built once."""
    at = bindparam("at", type_=UtcDateTime)
    return _deliver(event_type, bindparam("event_row", type_=BigInteger), at)


def _deliver(
    event_type: EventType,
    event_row: ColumnElement[int],
    at: ColumnElement[datetime],
    event: CTE | None = None,
) -> Insert:
    """Return the insert of an event's deliveries; without a row in `event`, if it is given, of none."""
    none: ColumnElement[int] = literal_column("0")
    waiting: ColumnElement[str] = literal_column(f"'{DeliveryStatus.WAITING}'")
    takers = select(WebhookEndpoint.id, event_row, none, waiting, none, none, at, at)
    if event is not None:
        takers = takers.select_from(table_of(WebhookEndpoint).join(event, true()))
    wanted = takers.where(WebhookEndpoint.enabled, WebhookEndpoint.wants(event_type))
    return insert(table_of(WebhookDelivery)).from_select(DELIVERY_COLUMNS, wanted, include_defaults=False)


@dataclass(frozen=True)
class News:
    """What an event tells: of which payment, payout, batch or balance, and the how-manieth of it.

    `sequence` counts the events of the subject from 1 without gaps: whoever makes the news counts it on the
    subject's locked row, or leaves it to the unique key. `data` follows `_id` and `sequence` on the wire; it
    names no phone, not even a masked one.
    """

    subject_id: str
    sequence: int
    data: Mapping[str, Any]
    payment_id: str | None = None
    refund_id: str | None = None


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
    publish(session, event_type, payment_news(payment, refund, before, order), at)


def publish(session: Session, event_type: EventType, news: News, at: datetime) -> None:
    """Write an event and its deliveries, in the transaction of the change that it tells of."""
    event = {
        "event_id": f"evt_{new_id(at)}",
        "subject_id": news.subject_id,
        "payment_id": news.payment_id,
        "refund_id": news.refund_id,
        "type": event_type,
        "sequence": news.sequence,
        "payload": payload(event_type, news, at),
        "created_at": at,
    }
    row, values = row_of(OutgoingEvent, event)
    write(session, _Event(event_type, row), values)


def payload(event_type: EventType, news: News, at: datetime) -> bytes:
    """Return the bytes that every attempt sends, in UTF-8."""
    data = {"_id": news.subject_id, "sequence": news.sequence, **news.data}
    timestamp = at.astimezone(NAIROBI).isoformat(timespec="milliseconds")
    body = {"type": event_type, "timestamp": timestamp, "data": data}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def payment_news(
    payment: Payment, refund: Refund | None, before: str, order: Mapping[str, Any] | None = None
) -> News:
    """Return what is told of a payment, of its refund or of its order; `before` is the status that it had."""
    data = _payment(payment)
    if order is not None:
        data["order"] = order
    elif refund is None:
        data["previousStatus"] = before
    else:
        data["refund"] = {**_refund(refund), "previousStatus": before}
    return News(payment.id, payment.outgoing_count, data, payment.id, refund.id if refund else None)


def _payment(payment: Payment) -> dict[str, Any]:
    return {
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
        "method": refund.method,
        "refundAmount": refund.amount,
        "status": refund.state.public,
        "mpesaReceiptNumber": refund.receipt,
        "resultCode": refund.result_code,
        "failureReason": refund.failure_reason,
        "evidence": refund.evidence,
    }
