"""Claims due deliveries, so that two workers do not send the same attempt.

A claim is a lease: if its worker dies, another worker claims the deliveries when the lease ends. The endpoint
that was served least recently comes first. Each endpoint has a few lanes for all workers together, and a
struggling endpoint has one, so that a receiver that hangs takes few threads from the others. A lane carries
a bundle: deliveries that are sent one after the other under one lease. No two leases of an endpoint end at
the same moment, so its lanes can be counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.deliveries import DeliveryStatus
from mpesa_service.models import OutgoingEvent, WebhookDelivery, WebhookEndpoint
from mpesa_service.models.statements import table_of

LEASE = timedelta(seconds=90)
LANES = 4
"""Attempts that may be in progress at once to one endpoint."""
FIRST_BUNDLE, BUNDLE = 10, 50
"""Deliveries in a bundle at first, and at most: a worker that dies may have sent all and recorded none."""
MAX_CLAIMS = 5
"""Claims in a row without a recorded result. After these, the delivery itself probably kills its workers."""
CRASHES = f"Parked: {MAX_CLAIMS} attempts in a row did not finish. Resend it when the cause is found."

_D, _E = table_of(WebhookDelivery).c, table_of(OutgoingEvent).c
_OF_ENDPOINT = _D.endpoint_id == bindparam("of_endpoint")
_LANES_IN_USE = select(func.count(_D.lease_until.distinct()), func.max(_D.lease_until)).where(
    _OF_ENDPOINT, _D.lease_until > bindparam("now")
)
_THESE = _D.id.in_(bindparam("ids", expanding=True))
_LEASE_THEM = (
    update(table_of(WebhookDelivery))
    .where(_THESE)
    .values(lease_until=bindparam("until"), claims=_D.claims + 1)
)
_PARK = (
    update(table_of(WebhookDelivery))
    .where(_THESE)
    .values(status=DeliveryStatus.PARKED, lease_until=None, last_error=CRASHES)
)


@dataclass(frozen=True)
class Capacity:
    """How many bundles a worker can claim, and how many of them for struggling endpoints."""

    all: int
    struggling: int


@dataclass(frozen=True)
class Parcel:
    """A claimed delivery, with the event to send."""

    delivery_id: int
    event_id: str
    payload: bytes


@dataclass(frozen=True)
class Bundle:
    """The deliveries of one lane of an endpoint. `lease_until` identifies this claim at the endpoint."""

    endpoint_id: str
    url: str
    secrets_encrypted: tuple[bytes, ...]
    struggling: bool
    lease_until: datetime
    parcels: tuple[Parcel, ...]


class Sizes:
    """The size of the next bundle for each endpoint.

    The size doubles when a bundle was sent in time, and falls to the number that was sent otherwise. So the
    deliveries of a slow receiver are not leased and released again and again.
    """

    def __init__(self) -> None:
        self._of: dict[str, int] = {}

    def of(self, endpoint_id: str) -> int:
        return self._of.get(endpoint_id, FIRST_BUNDLE)

    def update(self, endpoint_id: str, attempted: int, left: int) -> None:
        """Note how many deliveries of a bundle were begun, and how many were left when its time was over."""
        doubled = min(2 * attempted, BUNDLE)
        self._of[endpoint_id] = max(attempted, 1) if left else max(doubled, self.of(endpoint_id))


def claim(runtime: Runtime, capacity: Capacity, sizes: Sizes) -> list[Bundle]:
    """Lease due deliveries, in as many bundles as `capacity` allows, and return them; commits."""
    now = runtime.clock()
    waits = exists().where(_is_due(now), WebhookDelivery.endpoint_id == WebhookEndpoint.id)
    waiting = select(WebhookEndpoint).where(WebhookEndpoint.enabled, waits)
    if capacity.struggling < 1:
        waiting = waiting.where(WebhookEndpoint.struggling.is_(False))
    if capacity.all < 1:
        return []
    with runtime.database.read() as session:
        if session.scalars(waiting.with_only_columns(WebhookEndpoint.id).limit(1)).first() is None:
            return []
    in_order = waiting.order_by(WebhookEndpoint.struggling, WebhookEndpoint.served_at, WebhookEndpoint.id)
    bundles: list[Bundle] = []
    with runtime.database.begin() as session:
        # NO KEY UPDATE: transactions of payments refer to endpoints, and must not wait for this lock.
        locked = in_order.limit(capacity.all).with_for_update(key_share=True, skip_locked=True)
        for endpoint in session.scalars(locked).all():
            free = min(
                capacity.all - len(bundles), capacity.struggling if endpoint.struggling else capacity.all
            )
            taken = _take(session, endpoint, now, free, sizes.of(endpoint.id))
            if endpoint.struggling:
                capacity = Capacity(capacity.all, capacity.struggling - len(taken))
            bundles += taken
    return bundles


def _is_due(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    return and_(
        WebhookDelivery.status == DeliveryStatus.WAITING,
        WebhookDelivery.due_at <= now,
        or_(WebhookDelivery.lease_until.is_(None), WebhookDelivery.lease_until <= now),
    )


FIND_DUE = (
    select(_D.id, _D.claims, _E.event_id, _E.payload)
    .join(OutgoingEvent, _E.id == _D.outgoing_event_id)
    .where(_is_due(bindparam("now", type_=_D.due_at.type)), _OF_ENDPOINT)
    .order_by(_D.due_at, _D.id)
    .limit(bindparam("most"))
)
"""The due deliveries of an endpoint, oldest first."""


def _take(session: Session, endpoint: WebhookEndpoint, now: datetime, limit: int, size: int) -> list[Bundle]:
    """Lease deliveries of a locked endpoint, oldest first, up to `size` per bundle."""
    connection = session.connection()
    which = {"of_endpoint": endpoint.id, "now": now}
    in_use, last = connection.execute(_LANES_IN_USE, which).one()
    lanes, size = (1, 1) if endpoint.struggling else (LANES, size)
    free = min(limit, lanes - in_use)
    if free < 1:
        return []
    due = connection.execute(FIND_DUE, {**which, "most": free * size}).all()
    crashed = [row.id for row in due if row.claims >= MAX_CLAIMS]
    if crashed:
        connection.execute(_PARK, {"ids": crashed})
    endpoint.served_at = now
    until = now + LEASE if last is None else max(now + LEASE, last + timedelta(microseconds=1))
    bundles = []
    for rows in _by_lanes([row for row in due if row.claims < MAX_CLAIMS], free, size):
        connection.execute(_LEASE_THEM, {"ids": [row.id for row in rows], "until": until})
        bundles.append(_bundle(endpoint, rows, until, now))
        until += timedelta(microseconds=1)
    return bundles


def _by_lanes(due: Sequence[Any], lanes: int, size: int) -> list[list[Any]]:
    """Distribute the due deliveries over the lanes, so that the oldest ones of all lanes are sent first.

    A delivery whose attempt did not finish before gets a lane alone: if it kills its worker again, no other
    delivery is affected.
    """
    alone = [[row] for row in due if row.claims][:lanes]
    lanes -= len(alone)
    rest = [row for row in due if not row.claims][: lanes * size]
    return alone + [rest[lane::lanes] for lane in range(min(lanes, len(rest)))]


def _bundle(endpoint: WebhookEndpoint, rows: Sequence[Any], until: datetime, now: datetime) -> Bundle:
    keys = [endpoint.secret_encrypted]
    valid = endpoint.previous_valid_until
    if endpoint.previous_secret_encrypted is not None and valid is not None and valid > now:
        keys.append(endpoint.previous_secret_encrypted)
    return Bundle(
        endpoint_id=endpoint.id,
        url=endpoint.url,
        secrets_encrypted=tuple(keys),
        struggling=endpoint.struggling,
        lease_until=until,
        parcels=tuple(Parcel(row.id, row.event_id, row.payload) for row in rows),
    )
