"""The history of deliveries, and sending events again: one event, or all events of a period."""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Exists, ScalarSelect, exists, func, insert, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from mpesa_service.core.records import record_from
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.deliveries import DeliveryStatus
from mpesa_service.domain.event_types import EventType
from mpesa_service.domain.moments import can_be_stored
from mpesa_service.errors import Conflict, InvalidRequest, NotFound
from mpesa_service.models import OutgoingEvent, WebhookDelivery, WebhookEndpoint
from mpesa_service.models.base import UtcDateTime
from mpesa_service.models.commit_sql import DELIVERY_COLUMNS
from mpesa_service.webhooks.endpoints import find_endpoint

log = logging.getLogger("mpesa_service.audit")

DELIVERIES_SHOWN = 50
REPLAY_LIMIT = 10_000
"""Events that one replay may send again."""
LARGEST_ROW_ID = 2**63 - 1


@dataclass(frozen=True)
class DeliveryRecord:
    """One event on its way to one endpoint, as admins see it."""

    id: int
    endpoint_id: str
    event_id: str
    event_type: str
    subject_id: str
    payment_id: str | None
    sequence: int
    resend: int
    status: str
    attempts: int
    due_at: datetime | None
    last_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    last_body: str | None
    delivered_at: datetime | None
    created_at: datetime


def list_deliveries(
    runtime: Runtime,
    endpoint_id: str,
    status: DeliveryStatus | None = None,
    limit: int = DELIVERIES_SHOWN,
    before: int | None = None,
) -> tuple[DeliveryRecord, ...]:
    """Return deliveries of an endpoint, newest first.

    `before` is the id of the last delivery on the page before. Raises NotFound if there is no such endpoint.
    """
    statement = (
        select(WebhookDelivery, OutgoingEvent)
        .join(OutgoingEvent, OutgoingEvent.id == WebhookDelivery.outgoing_event_id)
        .where(WebhookDelivery.endpoint_id == endpoint_id)
        .order_by(WebhookDelivery.id.desc())
        .limit(limit)
    )
    if status is not None:
        statement = statement.where(WebhookDelivery.status == status)
    if before is not None:
        statement = statement.where(WebhookDelivery.id < min(before, LARGEST_ROW_ID))
    with runtime.database.read() as session:
        find_endpoint(session, endpoint_id)
        return tuple(_record(delivery, event) for delivery, event in session.execute(statement))


def resend(runtime: Runtime, actor: str, delivery_id: int) -> DeliveryRecord:
    """Send a delivery's event again: a new delivery with the same webhook-id, due at once.

    Raises NotFound, and Conflict if its endpoint is disabled or a delivery of the event is waiting already.
    """
    now = runtime.clock()
    with runtime.database.begin() as session:
        found = session.get(WebhookDelivery, min(delivery_id, LARGEST_ROW_ID))
        if found is None:
            raise NotFound("There is no such delivery.")
        endpoint = _enabled(session, found.endpoint_id)
        event = session.get_one(OutgoingEvent, found.outgoing_event_id)
        if session.scalar(select(_on_its_way(endpoint, event.id))):
            raise Conflict(
                "A delivery of this event to the endpoint is waiting already.", code="already_waiting"
            )
        delivery = WebhookDelivery(
            endpoint_id=endpoint.id,
            outgoing_event_id=event.id,
            resend=session.scalar(select(_next_resend(endpoint, event.id))),
            status=DeliveryStatus.WAITING,
            attempts=0,
            claims=0,
            due_at=now,
            created_at=now,
        )
        session.add(delivery)
        session.flush()
        record = _record(delivery, event)
    _audit("webhook event sent again", actor, endpoint, event_id=event.event_id)
    return record


def replay(runtime: Runtime, actor: str, endpoint_id: str, since: datetime, until: datetime) -> int:
    """Send an endpoint again every event written from `since` to before `until`; return how many.

    This includes events from before the endpoint was added, but only types that it subscribes to. Events with
    a waiting delivery are left out. Raises NotFound, Conflict if the endpoint is disabled, and InvalidRequest
    if `since` is not before `until`, a time is out of range, or there are more events than REPLAY_LIMIT.
    """
    if not (can_be_stored(since) and can_be_stored(until)):
        raise InvalidRequest("The times must be between the years 1900 and 9000.", code="invalid_time_range")
    if since >= until:
        raise InvalidRequest("`from` must be before `to`.", code="invalid_time_range")
    now = runtime.clock()
    with runtime.database.begin() as session:
        endpoint = _enabled(session, endpoint_id)
        wanted = [
            OutgoingEvent.created_at >= since,
            OutgoingEvent.created_at < until,
            OutgoingEvent.type.in_(endpoint.types or list(EventType)),
            ~_on_its_way(endpoint, OutgoingEvent.id),
        ]
        count = session.scalar(select(func.count()).select_from(OutgoingEvent).where(*wanted)) or 0
        if count > REPLAY_LIMIT:
            raise InvalidRequest(
                f"These are {count} events; {REPLAY_LIMIT} can be sent at once. Choose a shorter period.",
                code="too_many_events",
            )
        again = select(
            literal(endpoint.id),
            OutgoingEvent.id,
            _next_resend(endpoint, OutgoingEvent.id),
            literal(DeliveryStatus.WAITING.value),
            literal(0),
            literal(0),
            literal(now, UtcDateTime()),
            literal(now, UtcDateTime()),
        )
        rows = again.where(*wanted).order_by(OutgoingEvent.id)
        session.execute(insert(WebhookDelivery).from_select(DELIVERY_COLUMNS, rows, include_defaults=False))
    _audit("webhook events sent again", actor, endpoint, count=count)
    return count


def _enabled(session: Session, endpoint_id: str) -> WebhookEndpoint:
    endpoint = find_endpoint(session, endpoint_id, lock=True)
    if not endpoint.enabled:
        raise Conflict("The endpoint is disabled. Enable it first.", code="endpoint_disabled")
    return endpoint


def _on_its_way(endpoint: WebhookEndpoint, event_row: InstrumentedAttribute[int] | int) -> Exists:
    return exists().where(
        WebhookDelivery.endpoint_id == endpoint.id,
        WebhookDelivery.outgoing_event_id == event_row,
        WebhookDelivery.status == DeliveryStatus.WAITING,
    )


def _next_resend(endpoint: WebhookEndpoint, event_row: InstrumentedAttribute[int] | int) -> ScalarSelect[int]:
    return (
        select(func.coalesce(func.max(WebhookDelivery.resend), -1) + 1)
        .where(WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.outgoing_event_id == event_row)
        .scalar_subquery()
    )


def _audit(what: str, actor: str, endpoint: WebhookEndpoint, **more: object) -> None:
    log.info(what, extra={"endpoint_id": endpoint.id, "actor": actor, **more})


def _record(delivery: WebhookDelivery, event: OutgoingEvent) -> DeliveryRecord:
    return record_from(
        DeliveryRecord,
        delivery,
        event_id=event.event_id,
        event_type=event.type,
        subject_id=event.subject_id,
        payment_id=event.payment_id,
        sequence=event.sequence,
        due_at=delivery.due_at if delivery.status == DeliveryStatus.WAITING else None,
    )
