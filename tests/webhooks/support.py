"""Endpoints, events and deliveries for the tests of webhooks."""

from typing import Any

from mpesa_service.domain.event_types import EventType
from mpesa_service.domain.plans import Event
from mpesa_service.models import WebhookDelivery
from mpesa_service.models.statements import lock_payment
from mpesa_service.webhooks import deliver as delivery
from mpesa_service.webhooks import endpoints
from mpesa_service.webhooks.claim import Capacity, Sizes, claim
from mpesa_service.webhooks.deliver import deliver_due
from mpesa_service.webhooks.outbox import publish
from mpesa_service.webhooks.posting import Poster
from tests.support import Service
from tests.webhooks.test_outbox import deliveries


def middle() -> float:
    return 0.5


def add(service: Service, url: str, *types: EventType) -> endpoints.EndpointRecord:
    service.clock.advance(0.001)
    return endpoints.add_endpoint(service.runtime, "boss", url, types)


def deliver(service: Service, **more: Any) -> int:
    return deliver_due(service.runtime, chance=middle, **more)


def take(service: Service, capacity: Capacity) -> list[delivery.Bundle]:
    return claim(service.runtime, capacity, Sizes())


def publish_events(service: Service, payment_id: str, count: int = 1) -> None:
    """Write events of a payment, as its transitions do."""
    for _ in range(count):
        with service.runtime.database.begin() as session:
            payment = lock_payment(session, payment_id)
            payment.outgoing_count += 1
            number, at = payment.outgoing_count, service.clock()
            publish(session, Event(EventType.PAYMENT_SUCCEEDED, payment.id, number, {}, at, payment.id))


def rows(service: Service, endpoint: endpoints.EndpointRecord) -> list[WebhookDelivery]:
    return [row for row in deliveries(service) if row.endpoint_id == endpoint.id]


def row_of(service: Service, endpoint: endpoints.EndpointRecord) -> WebhookDelivery:
    [row] = rows(service, endpoint)
    return row


def send_bundles(service: Service, bundles: list[delivery.Bundle]) -> None:
    poster = Poster(service.runtime.settings.webhook_networks)
    for bundle in bundles:
        sent = delivery.send(service.runtime, poster, bundle)
        delivery.record(service.runtime, bundle.endpoint_id, [sent], middle)
