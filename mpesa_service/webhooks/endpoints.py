"""Endpoints: admins add, change and disable them, and rotate their secrets."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mpesa_service.core.records import record_from
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.deliveries import DeliveryStatus
from mpesa_service.domain.event_types import EventType
from mpesa_service.domain.references import new_id
from mpesa_service.errors import InvalidRequest, NotFound
from mpesa_service.models import WebhookDelivery, WebhookEndpoint
from mpesa_service.webhooks.addresses import AddressRefused, permitted_addresses, read_target
from mpesa_service.webhooks.claim import MAX_CLAIMS
from mpesa_service.webhooks.outcome import disable
from mpesa_service.webhooks.signing import new_secret

log = logging.getLogger("mpesa_service.audit")

OLD_SECRET_LIFE = timedelta(hours=24)
DISABLED_REASON = "Disabled by an operator."


@dataclass(frozen=True)
class EndpointRecord:
    """An endpoint as admins see it. `secret` is set only when the endpoint is added or its secret rotated."""

    id: str
    url: str
    description: str
    event_types: tuple[str, ...]
    enabled: bool
    disabled_reason: str | None
    previous_secret_valid_until: datetime | None
    created_by: str
    created_at: datetime
    updated_by: str
    updated_at: datetime
    secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class EndpointChange:
    """A change of an endpoint. None leaves a field unchanged; no event types means all types."""

    url: str | None = None
    description: str | None = None
    event_types: Sequence[EventType] | None = None
    enabled: bool | None = None


def add_endpoint(
    runtime: Runtime, actor: str, url: str, event_types: Sequence[EventType] = (), description: str = ""
) -> EndpointRecord:
    """Add an endpoint that receives events of `event_types` (all types if empty) from now on.

    The returned record contains the secret. Raises InvalidRequest if events may not be posted to `url`.
    """
    check_address(runtime, url)
    now = runtime.clock()
    secret = new_secret()
    with runtime.database.begin() as session:
        endpoint = WebhookEndpoint(
            id=new_id(now),
            url=url,
            description=description,
            types=_in_order(event_types),
            secret_encrypted=runtime.encryption.encrypt(secret),
            enabled=True,
            struggling=False,
            served_at=now,
            created_by=actor,
            created_at=now,
            updated_by=actor,
            updated_at=now,
        )
        session.add(endpoint)
        session.flush()
        record = endpoint_record(endpoint, secret)
    _audit("webhook endpoint added", endpoint, actor)
    return record


def list_endpoints(runtime: Runtime) -> tuple[EndpointRecord, ...]:
    """Return all endpoints, disabled ones too, oldest first."""
    with runtime.database.read() as session:
        found = session.scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.id))
        return tuple(endpoint_record(endpoint) for endpoint in found)


def get_endpoint(runtime: Runtime, endpoint_id: str) -> EndpointRecord:
    """Return one endpoint; raise NotFound."""
    with runtime.database.read() as session:
        return endpoint_record(find_endpoint(session, endpoint_id))


def change_endpoint(runtime: Runtime, actor: str, endpoint_id: str, change: EndpointChange) -> EndpointRecord:
    """Change an endpoint; raise NotFound, or InvalidRequest for its address.

    Disabling sets the waiting deliveries aside. Enabling makes them due at once, with new attempts.
    """
    if change.url is not None:
        check_address(runtime, change.url)
    now = runtime.clock()
    with runtime.database.begin() as session:
        endpoint = find_endpoint(session, endpoint_id, lock=True)
        if change.url is not None:
            endpoint.url = change.url
        if change.description is not None:
            endpoint.description = change.description
        if change.event_types is not None:
            endpoint.types = _in_order(change.event_types)
        if change.enabled is True and not endpoint.enabled:
            _enable(session, endpoint, now)
        if change.enabled is False and endpoint.enabled:
            disable(session, endpoint, DISABLED_REASON, actor, now)
        endpoint.updated_by, endpoint.updated_at = actor, now
        record = endpoint_record(endpoint)
    _audit("webhook endpoint changed", endpoint, actor)
    return record


def disable_endpoint(runtime: Runtime, actor: str, endpoint_id: str) -> EndpointRecord:
    """Send an endpoint no more events; raise NotFound. Its record and its deliveries stay."""
    return change_endpoint(runtime, actor, endpoint_id, EndpointChange(enabled=False))


def rotate_secret(runtime: Runtime, actor: str, endpoint_id: str) -> EndpointRecord:
    """Give an endpoint a new secret. For 24 hours, events are signed with the old secret, too.

    The returned record contains the new secret. At most two secrets are valid: if the endpoint was rotated
    less than 24 hours ago, the oldest secret ends at once. Raises NotFound.
    """
    now = runtime.clock()
    secret = new_secret()
    with runtime.database.begin() as session:
        endpoint = find_endpoint(session, endpoint_id, lock=True)
        endpoint.previous_secret_encrypted = endpoint.secret_encrypted
        endpoint.previous_valid_until = now + OLD_SECRET_LIFE
        endpoint.secret_encrypted = runtime.encryption.encrypt(secret)
        endpoint.updated_by, endpoint.updated_at = actor, now
        record = endpoint_record(endpoint, secret)
    _audit("webhook secret rotated", endpoint, actor)
    return record


def find_endpoint(session: Session, endpoint_id: str, *, lock: bool = False) -> WebhookEndpoint:
    """Return an endpoint, locked if `lock` is set; raise NotFound."""
    statement = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    if lock:
        statement = statement.with_for_update(key_share=True)
    endpoint = session.scalars(statement).one_or_none() if endpoint_id.isprintable() else None
    if endpoint is None:
        raise NotFound("There is no such webhook endpoint.")
    return endpoint


def check_address(runtime: Runtime, url: str) -> None:
    """Raise InvalidRequest unless events may be posted to `url`. It is checked again at every attempt."""
    try:
        permitted_addresses(read_target(url), runtime.settings.webhook_networks)
    except AddressRefused as refusal:
        raise InvalidRequest(str(refusal), code="webhook_address_refused") from refusal


def endpoint_record(endpoint: WebhookEndpoint, secret: str | None = None) -> EndpointRecord:
    return record_from(
        EndpointRecord,
        endpoint,
        event_types=tuple(endpoint.types),
        previous_secret_valid_until=endpoint.previous_valid_until,
        secret=secret,
    )


def _in_order(event_types: Sequence[EventType]) -> list[EventType]:
    return [known for known in EventType if known in event_types]


def _enable(session: Session, endpoint: WebhookEndpoint, now: datetime) -> None:
    endpoint.enabled, endpoint.disabled_reason, endpoint.struggling = True, None, False
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint.id)
        .where(WebhookDelivery.status == DeliveryStatus.PARKED)
        .where(WebhookDelivery.claims < MAX_CLAIMS)  # the others were parked because they kill workers
        .values(status=DeliveryStatus.WAITING, attempts=0, claims=0, due_at=now)
    )


def _audit(what: str, endpoint: WebhookEndpoint, actor: str) -> None:
    log.info(what, extra={"endpoint_id": endpoint.id, "actor": actor, "enabled": endpoint.enabled})
