"""Writing down what came of an attempt: delivered, to be tried again, given up, or no longer wanted."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mpesa_service.domain.deliveries import DeliveryStatus, next_attempt, retry_after
from mpesa_service.logs import redact
from mpesa_service.models import WebhookDelivery, WebhookEndpoint
from mpesa_service.outgoing import Answer
from mpesa_service.services.delivery_claims import Parcel
from mpesa_service.services.runtime import Runtime

log = logging.getLogger(__name__)

GONE = 410
WAIT_STATUSES = frozenset({429, 503})
"""Those whose Retry-After is heard."""
BODY_SHOWN = 500
GONE_REASON = "The receiver answered 410 Gone."


def record(runtime: Runtime, parcel: Parcel, answer: Answer, chance: float) -> None:
    """Write down the outcome of a claimed delivery; commits. `chance`, 0 to 1, spreads the next try.

    An attempt that outlived its lease counts only if it delivered: another one is under way.
    """
    now = runtime.clock()
    with runtime.database.begin() as session:
        endpoint = lock_endpoint(session, parcel.endpoint_id)
        delivery = session.scalars(
            select(WebhookDelivery).where(WebhookDelivery.id == parcel.delivery_id).with_for_update()
        ).one()
        superseded = delivery.lease_until != parcel.lease_until
        if delivery.status == DeliveryStatus.DELIVERED or (superseded and not answer.is_received):
            return
        _note_attempt(delivery, answer, now)
        if answer.is_received:
            delivery.status, delivery.delivered_at = DeliveryStatus.DELIVERED, now
        elif answer.status == GONE:
            disable(session, endpoint, GONE_REASON, "receiver", now)
        else:
            _schedule(delivery, answer, now, chance)
        endpoint.struggling = not answer.is_received
        status = delivery.status
    _log(parcel, answer, status)


def lock_endpoint(session: Session, endpoint_id: str) -> WebhookEndpoint:
    """Return the endpoint, locked to the end of the transaction; payments may go on referring to it."""
    found = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    return session.scalars(found.with_for_update(key_share=True)).one()


def disable(session: Session, endpoint: WebhookEndpoint, reason: str, actor: str, now: datetime) -> None:
    """Tell a locked endpoint of nothing more, and set aside what waits for it."""
    endpoint.enabled, endpoint.disabled_reason = False, reason
    endpoint.updated_by, endpoint.updated_at = actor, now
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint.id)
        .where(WebhookDelivery.status == DeliveryStatus.WAITING)
        .values(status=DeliveryStatus.PARKED, lease_until=None, last_error=f"Set aside: {reason}")
    )
    log.info("webhook endpoint disabled", extra={"endpoint_id": endpoint.id, "reason": reason})


def _note_attempt(delivery: WebhookDelivery, answer: Answer, now: datetime) -> None:
    delivery.attempts += 1
    delivery.claims = 0
    delivery.lease_until = None
    delivery.last_attempt_at = now
    delivery.last_status = answer.status
    delivery.last_error = answer.error
    delivery.last_body = _shown(answer.body) if answer.status is not None else None


def _shown(body: bytes) -> str:
    """Return the start of a body, in a form that may be stored and shown."""
    text = body[: 4 * BODY_SHOWN].decode(errors="replace")
    plain = "".join(character if character.isprintable() else " " for character in text)
    return redact(plain)[:BODY_SHOWN]


def _schedule(delivery: WebhookDelivery, answer: Answer, now: datetime, chance: float) -> None:
    wish: timedelta | None = None
    if answer.status in WAIT_STATUSES:
        wish = retry_after(answer.retry_after, now)
    due_at = next_attempt(delivery.attempts, now, chance, wish)
    if due_at is None:
        delivery.status = DeliveryStatus.FAILED
    else:
        delivery.due_at = due_at


def _log(parcel: Parcel, answer: Answer, status: str) -> None:
    log.log(
        logging.INFO if answer.is_received else logging.WARNING,
        "webhook attempt",
        extra={
            "event_id": parcel.event_id,
            "endpoint_id": parcel.endpoint_id,
            "delivery_id": parcel.delivery_id,
            "http_status": answer.status,
            "reason": answer.error,
            "delivery_status": status,
        },
    )
