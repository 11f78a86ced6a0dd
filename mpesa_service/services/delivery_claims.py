"""Taking up deliveries that are due, so that no two workers send the same attempt.

A claim is a lease: whoever dies with it is replaced when it runs out. Endpoints take turns, each has a
few attempts under way at a time whoever makes them, and those that struggle have one: a receiver that
hangs takes few of the threads that serve the others.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from mpesa_service.domain.deliveries import DeliveryStatus
from mpesa_service.models import OutgoingEvent, WebhookDelivery, WebhookEndpoint
from mpesa_service.services.runtime import Runtime

LEASE = timedelta(seconds=90)
LANES = 4
"""Attempts under way at a time to one endpoint."""
MAX_CLAIMS = 5
"""Claims in a row that nothing came of: the delivery itself must be what kills its workers."""
CRASHES = f"Set aside: {MAX_CLAIMS} attempts in a row came to no end. Resend it when the cause is found."


@dataclass(frozen=True)
class Room:
    """How many attempts a worker can take on, and how many of them for endpoints that struggle."""

    all: int
    struggling: int


@dataclass(frozen=True)
class Parcel:
    """A claimed delivery: all that sending it needs. `lease_until` tells this claim from any other."""

    delivery_id: int
    endpoint_id: str
    url: str
    secrets_encrypted: tuple[bytes, ...]
    struggling: bool
    event_id: str
    payload: bytes
    lease_until: datetime


def claim(runtime: Runtime, room: Room) -> list[Parcel]:
    """Lease due deliveries, as many as there is room for, and return them; commits."""
    now = runtime.clock()
    waits = exists().where(_is_due(now), WebhookDelivery.endpoint_id == WebhookEndpoint.id)
    waiting = select(WebhookEndpoint).where(WebhookEndpoint.enabled, waits)
    if room.struggling < 1:
        waiting = waiting.where(WebhookEndpoint.struggling.is_(False))
    if room.all < 1 or not _any(runtime, waiting.with_only_columns(WebhookEndpoint.id).limit(1)):
        return []
    turns = waiting.order_by(WebhookEndpoint.struggling, WebhookEndpoint.served_at, WebhookEndpoint.id)
    parcels: list[Parcel] = []
    with runtime.database.begin() as session:
        # NO KEY UPDATE: the transactions of money refer to endpoints, and must never wait here.
        locked = turns.limit(room.all).with_for_update(key_share=True, skip_locked=True)
        for endpoint in session.scalars(locked).all():
            free = min(room.all - len(parcels), room.struggling if endpoint.struggling else room.all)
            taken = _take(session, endpoint, now, free)
            if endpoint.struggling:
                room = Room(room.all, room.struggling - len(taken))
            parcels += taken
    return parcels


def _any(runtime: Runtime, statement: Select[str]) -> bool:
    with runtime.database.read() as session:
        return session.scalars(statement).first() is not None


def _is_due(now: datetime) -> ColumnElement[bool]:
    return and_(
        WebhookDelivery.status == DeliveryStatus.WAITING,
        WebhookDelivery.due_at <= now,
        or_(WebhookDelivery.lease_until.is_(None), WebhookDelivery.lease_until <= now),
    )


def _take(session: Session, endpoint: WebhookEndpoint, now: datetime, room: int) -> list[Parcel]:
    """Lease deliveries of a locked endpoint, oldest first."""
    under_way = select(func.count()).where(
        WebhookDelivery.endpoint_id == endpoint.id, WebhookDelivery.lease_until > now
    )
    lanes = 1 if endpoint.struggling else LANES
    free = min(room, lanes - (session.scalar(under_way) or 0))
    if free < 1:
        return []
    due = (
        select(WebhookDelivery, OutgoingEvent.event_id, OutgoingEvent.payload)
        .join(OutgoingEvent, OutgoingEvent.id == WebhookDelivery.outgoing_event_id)
        .where(_is_due(now), WebhookDelivery.endpoint_id == endpoint.id)
        .order_by(WebhookDelivery.due_at, WebhookDelivery.id)
        .limit(free)
    )
    endpoint.served_at = now
    parcels = []
    for delivery, event_id, payload in session.execute(due):
        if delivery.claims >= MAX_CLAIMS:
            delivery.status, delivery.lease_until, delivery.last_error = DeliveryStatus.PARKED, None, CRASHES
            continue
        delivery.claims += 1
        delivery.lease_until = now + LEASE
        parcels.append(_parcel(endpoint, delivery, event_id, payload, now))
    return parcels


def _parcel(
    endpoint: WebhookEndpoint, delivery: WebhookDelivery, event_id: str, payload: bytes, now: datetime
) -> Parcel:
    keys = [endpoint.secret_encrypted]
    until = endpoint.previous_valid_until
    if endpoint.previous_secret_encrypted is not None and until is not None and until > now:
        keys.append(endpoint.previous_secret_encrypted)
    return Parcel(
        delivery_id=delivery.id,
        endpoint_id=endpoint.id,
        url=endpoint.url,
        secrets_encrypted=tuple(keys),
        struggling=endpoint.struggling,
        event_id=event_id,
        payload=payload,
        lease_until=now + LEASE,
    )
