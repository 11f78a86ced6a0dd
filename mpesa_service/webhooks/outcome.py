"""Records the result of an attempt: delivered, waiting for a retry, failed, or parked."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import bindparam, case, select, update
from sqlalchemy.orm import Session

from mpesa_service.core.log_format import redact
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.deliveries import DeliveryStatus, next_attempt, retry_after
from mpesa_service.models import WebhookDelivery, WebhookEndpoint
from mpesa_service.models.statements import table_of
from mpesa_service.webhooks.claim import Bundle, Parcel
from mpesa_service.webhooks.posting import ReceiverAnswer

log = logging.getLogger(__name__)

GONE = 410
WAIT_STATUSES = frozenset({429, 503})
"""The service obeys the Retry-After of these."""
BODY_SHOWN = 500
GONE_REASON = "The receiver answered 410 Gone."

_T = table_of(WebhookDelivery)
_THESE = _T.c.id.in_(bindparam("ids", expanding=True))
_RECEIVED = (
    update(_T)
    .where(_THESE, _T.c.status != DeliveryStatus.DELIVERED)
    .values(
        status=DeliveryStatus.DELIVERED,
        attempts=_T.c.attempts + 1,
        claims=0,
        lease_until=None,
        delivered_at=bindparam("at"),
        last_attempt_at=bindparam("at"),
        last_status=bindparam("answer_status"),
        last_error=None,
        last_body=bindparam("body"),
    )
)
_RELEASE = (
    update(_T)
    .where(_THESE, _T.c.lease_until == bindparam("until"))
    .values(lease_until=None, claims=_T.c.claims - 1)
)


@dataclass
class Sent:
    """The result of a bundle: answers to its first parcels, and whether the next attempt crashed."""

    bundle: Bundle
    answers: list[ReceiverAnswer] = field(default_factory=list)
    crashed: bool = False

    @property
    def attempts(self) -> list[tuple[Parcel, ReceiverAnswer]]:
        return list(zip(self.bundle.parcels, self.answers, strict=False))

    @property
    def not_begun(self) -> tuple[Parcel, ...]:
        return self.bundle.parcels[len(self.answers) + self.crashed :]


def record(runtime: Runtime, endpoint_id: str, sent: Sequence[Sent], chance: Callable[[], float]) -> int:
    """Record the results of an endpoint's bundles; commits. Return how many attempts finished.

    Deliveries that were not begun are due as before. A crashed attempt keeps its lease, and is repeated when
    the lease ends. An attempt that took longer than its lease counts only if the event was received, because
    another attempt may be in progress. `chance`, 0 to 1, spreads the next attempt.
    """
    now = runtime.clock()
    attempts = [(one.bundle, parcel, answer) for one in sent for parcel, answer in one.attempts]
    received = [(parcel, answer) for _, parcel, answer in attempts if answer.is_received]
    failed = [attempt for attempt in attempts if not attempt[2].is_received]
    with runtime.database.begin() as session:
        endpoint = lock_endpoint(session, endpoint_id)
        _note_received(session, received, now)
        for one in sent:
            _release(session, one)
        results = [(parcel, answer, str(DeliveryStatus.DELIVERED)) for parcel, answer in received]
        for bundle, parcel, answer in failed:
            status = _note_failed(session, endpoint, (bundle, parcel, answer), now, chance())
            results += [(parcel, answer, status)] if status else []
        if results:
            endpoint.struggling = not results[-1][1].is_received
    for parcel, answer, status in results:
        _log(endpoint_id, parcel, answer, status)
    return len(attempts)


def _note_received(
    session: Session, received: Sequence[tuple[Parcel, ReceiverAnswer]], now: datetime
) -> None:
    """Record received deliveries: one statement for all that got the same answer, which is usually all."""
    alike: dict[tuple[int | None, str], list[int]] = {}
    for parcel, answer in received:
        alike.setdefault((answer.status, _shown(answer.body)), []).append(parcel.delivery_id)
    for (status, body), ids in alike.items():
        values = {"ids": ids, "at": now, "answer_status": status, "body": body}
        session.connection().execute(_RECEIVED, values)


def _release(session: Session, sent: Sent) -> None:
    ids = [parcel.delivery_id for parcel in sent.not_begun]
    if ids:
        session.connection().execute(_RELEASE, {"ids": ids, "until": sent.bundle.lease_until})


def _note_failed(
    session: Session,
    endpoint: WebhookEndpoint,
    attempt: tuple[Bundle, Parcel, ReceiverAnswer],
    now: datetime,
    chance: float,
) -> str | None:
    """Record an attempt that was not received; return the delivery's status, or None if it does not count."""
    bundle, parcel, answer = attempt
    found = select(WebhookDelivery).where(WebhookDelivery.id == parcel.delivery_id)
    delivery = session.scalars(found.with_for_update()).one()
    if delivery.status == DeliveryStatus.DELIVERED or delivery.lease_until != bundle.lease_until:
        return None
    _note_attempt(delivery, answer, now)
    if answer.status == GONE:
        disable(session, endpoint, GONE_REASON, "receiver", now)
    else:
        _schedule(delivery, answer, now, chance)
    return delivery.status


def lock_endpoint(session: Session, endpoint_id: str) -> WebhookEndpoint:
    """Return the endpoint, locked to the end of the transaction. New deliveries may still refer to it."""
    found = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    return session.scalars(found.with_for_update(key_share=True)).one()


def disable(session: Session, endpoint: WebhookEndpoint, reason: str, actor: str, now: datetime) -> None:
    """Disable a locked endpoint, and park its waiting deliveries.

    A current claim does not count against its delivery, because its result will not be recorded.
    """
    endpoint.enabled, endpoint.disabled_reason = False, reason
    endpoint.updated_by, endpoint.updated_at = actor, now
    session.execute(
        update(WebhookDelivery)
        .where(WebhookDelivery.endpoint_id == endpoint.id)
        .where(WebhookDelivery.status == DeliveryStatus.WAITING)
        .values(
            status=DeliveryStatus.PARKED,
            claims=case(
                (WebhookDelivery.lease_until > now, WebhookDelivery.claims - 1), else_=WebhookDelivery.claims
            ),
            lease_until=None,
            last_error=f"Parked: {reason}",
        )
    )
    log.info("webhook endpoint disabled", extra={"endpoint_id": endpoint.id, "reason": reason})


def _note_attempt(delivery: WebhookDelivery, answer: ReceiverAnswer, now: datetime) -> None:
    delivery.attempts += 1
    delivery.claims = 0
    delivery.lease_until = None
    delivery.last_attempt_at = now
    delivery.last_status = answer.status
    delivery.last_error = answer.error
    delivery.last_body = _shown(answer.body) if answer.status is not None else None


def _shown(body: bytes) -> str:
    """Return the start of a body, redacted and printable, to store and show."""
    text = body[: 4 * BODY_SHOWN].decode(errors="replace")
    plain = "".join(character if character.isprintable() else " " for character in text)
    return redact(plain)[:BODY_SHOWN]


def _schedule(delivery: WebhookDelivery, answer: ReceiverAnswer, now: datetime, chance: float) -> None:
    requested: timedelta | None = None
    if answer.status in WAIT_STATUSES:
        requested = retry_after(answer.retry_after, now)
    due_at = next_attempt(delivery.attempts, now, chance, requested)
    if due_at is None:
        delivery.status = DeliveryStatus.FAILED
    else:
        delivery.due_at = due_at


def _log(endpoint_id: str, parcel: Parcel, answer: ReceiverAnswer, status: str) -> None:
    log.log(
        logging.INFO if answer.is_received else logging.WARNING,
        "webhook attempt",
        extra={
            "event_id": parcel.event_id,
            "endpoint_id": endpoint_id,
            "delivery_id": parcel.delivery_id,
            "http_status": answer.status,
            "reason": answer.error,
            "delivery_status": status,
        },
    )
