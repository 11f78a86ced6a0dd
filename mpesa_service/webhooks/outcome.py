"""Writing down what came of an attempt: delivered, to be tried again, given up, or no longer wanted."""

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
from mpesa_service.webhooks.posting import Answer

log = logging.getLogger(__name__)

GONE = 410
WAIT_STATUSES = frozenset({429, 503})
"""Those whose Retry-After is heard."""
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
        last_status=bindparam("said"),
        last_error=None,
        last_body=bindparam("body"),
    )
)
_GIVE_BACK = (
    update(_T)
    .where(_THESE, _T.c.lease_until == bindparam("until"))
    .values(lease_until=None, claims=_T.c.claims - 1)
)


@dataclass
class Sent:
    """What came of a bundle: answers to its first parcels, and whether the attempt after them crashed."""

    bundle: Bundle
    answers: list[Answer] = field(default_factory=list)
    crashed: bool = False

    @property
    def attempts(self) -> list[tuple[Parcel, Answer]]:
        return list(zip(self.bundle.parcels, self.answers, strict=False))

    @property
    def not_begun(self) -> tuple[Parcel, ...]:
        return self.bundle.parcels[len(self.answers) + self.crashed :]


def record(runtime: Runtime, endpoint_id: str, sent: Sequence[Sent], chance: Callable[[], float]) -> int:
    """Write down what came of bundles of an endpoint; commits. Return how many attempts came to an end.

    What was not begun is due as before. An attempt that crashed keeps its lease, and is made again when
    that runs out; one that outlived its lease counts only if it delivered: another one is under way.
    `chance`, 0 to 1, spreads the next try.
    """
    now = runtime.clock()
    attempts = [(one.bundle, parcel, answer) for one in sent for parcel, answer in one.attempts]
    received = [(parcel, answer) for _, parcel, answer in attempts if answer.is_received]
    failed = [attempt for attempt in attempts if not attempt[2].is_received]
    with runtime.database.begin() as session:
        endpoint = lock_endpoint(session, endpoint_id)
        _note_received(session, received, now)
        for one in sent:
            _give_back(session, one)
        told = [(parcel, answer, str(DeliveryStatus.DELIVERED)) for parcel, answer in received]
        for bundle, parcel, answer in failed:
            status = _note_failed(session, endpoint, (bundle, parcel, answer), now, chance())
            told += [(parcel, answer, status)] if status else []
        if told:
            endpoint.struggling = not told[-1][1].is_received
    for parcel, answer, status in told:
        _log(endpoint_id, parcel, answer, status)
    return len(attempts)


def _note_received(session: Session, received: Sequence[tuple[Parcel, Answer]], now: datetime) -> None:
    """Note what was delivered: those that were answered alike in one statement, usually all of them."""
    alike: dict[tuple[int | None, str], list[int]] = {}
    for parcel, answer in received:
        alike.setdefault((answer.status, _shown(answer.body)), []).append(parcel.delivery_id)
    for (status, body), ids in alike.items():
        session.connection().execute(_RECEIVED, {"ids": ids, "at": now, "said": status, "body": body})


def _give_back(session: Session, sent: Sent) -> None:
    ids = [parcel.delivery_id for parcel in sent.not_begun]
    if ids:
        session.connection().execute(_GIVE_BACK, {"ids": ids, "until": sent.bundle.lease_until})


def _note_failed(
    session: Session,
    endpoint: WebhookEndpoint,
    attempt: tuple[Bundle, Parcel, Answer],
    now: datetime,
    chance: float,
) -> str | None:
    """Note an attempt that did not deliver, and return the delivery's status; None where it counts not."""
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
    """Return the endpoint, locked to the end of the transaction; payments may go on referring to it."""
    found = select(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id)
    return session.scalars(found.with_for_update(key_share=True)).one()


def disable(session: Session, endpoint: WebhookEndpoint, reason: str, actor: str, now: datetime) -> None:
    """Tell a locked endpoint of nothing more, and set aside what waits for it.

    A claim that stands is not held against its delivery: what comes of it is no longer wanted.
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
            last_error=f"Set aside: {reason}",
        )
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


def _log(endpoint_id: str, parcel: Parcel, answer: Answer, status: str) -> None:
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
