"""Idempotency keys: a unique insert decides who acts, everybody else gets that one's answer.

The key's row is born in the transaction that writes the payment or refund, so one never exists
without the other. Refused before anything was written (a conflict, a limit), the key stays free.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, delete, select, update
from sqlalchemy.orm import Session

from mpesa_service.errors import KeyReused, TryLater
from mpesa_service.models import IdempotencyKey
from mpesa_service.models.chain import Changed, Inserted, Links, was
from mpesa_service.models.statements import insert_once, table_of
from mpesa_service.services.clock import Clock
from mpesa_service.services.runtime import Runtime

KEPT_FOR = timedelta(hours=72)
LOCKED_FOR = timedelta(seconds=90)
"""Longer than a request can take; whoever holds a key for longer was killed."""


@dataclass(frozen=True)
class Answer:
    """A status and the exact bytes that the caller gets; `retry_after` (seconds) is said only once."""

    status: int
    body: bytes
    replayed: bool = False
    retry_after: int | None = None


@dataclass(frozen=True)
class KeyedRequest:
    """A caller's key for one operation, and the fingerprint of what was asked under it."""

    caller: str
    operation: str
    key: str
    fingerprint: str

    @classmethod
    def of(cls, caller: str, operation: str, key: str, asked: Mapping[str, object]) -> "KeyedRequest":
        """Fingerprint the *validated* input, so that spelling and order of fields do not matter."""
        canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"), default=str)
        return cls(caller, operation, key, hashlib.sha256(canonical.encode()).hexdigest())

    def as_parameters(self) -> dict[str, str]:
        """Return what the statements find its row by."""
        return {"of_caller": self.caller, "of_operation": self.operation, "of_key": self.key}


_K = table_of(IdempotencyKey)
_OF_KEY = (
    _K.c.caller == bindparam("of_caller"),
    _K.c.operation == bindparam("of_operation"),
    _K.c.key == bindparam("of_key"),
)
_UNANSWERED = (*_OF_KEY, _K.c.answer_status.is_(None))
_ANSWER = update(_K).where(*_UNANSWERED).returning(_K.c.id)
_GIVE_BACK = delete(_K).where(*_UNANSWERED).returning(_K.c.id)
_FORGET = delete(_K).where(*_OF_KEY, _K.c.expires_at <= bindparam("now")).returning(_K.c.id)
_KEPT = select(_K.c.answer_status, _K.c.answer_body).where(*_OF_KEY)


def earlier_answer(
    runtime: Runtime, request: KeyedRequest | None, finish: Callable[[str], Answer]
) -> Answer | None:
    """Return the answer that was given under the key; None when the key is free, or there is no key.

    Where its owner died before answering, `finish` makes the answer from the id of what it had begun.
    Raises KeyReused when the key belongs to another request, TryLater while its owner is at work.
    """
    if request is None:
        return None
    with runtime.database.read() as session:
        row = session.scalars(_row(request)).one_or_none()
    if row is None or row.expires_at <= runtime.clock():
        return None
    if row.fingerprint != request.fingerprint:
        raise KeyReused
    if row.answer_status is not None and row.answer_body is not None:
        return _kept(runtime, row.answer_status, row.answer_body)
    if row.locked_until > runtime.clock():
        raise in_use()
    return finish(row.resource_id)


def in_use() -> TryLater:
    """Return the error for a key whose owner is still at work."""
    return TryLater("A request with this Idempotency-Key is still running.", code="idempotency_key_in_use")


def claim(session: Session, request: KeyedRequest, resource_id: str, clock: Clock) -> None:
    """Take the key for `resource_id`; raise TryLater when somebody else has just taken it."""
    now = clock()
    row = _new_row(request, resource_id, now)
    if insert_once(session, IdempotencyKey, row):
        return
    if not (forget_expired(session, request, now) and insert_once(session, IdempotencyKey, row)):
        raise in_use()


def claim_first(request: KeyedRequest | None, resource_id: str, now: datetime) -> Links:
    """Return what takes the key for `resource_id` at the head of a chain: nothing when there is no key."""
    if request is None:
        return []
    row = _new_row(request, resource_id, now)
    return [(Inserted(IdempotencyKey, tuple(row), once=True), row)]


def forget_expired(session: Session, request: KeyedRequest | None, now: datetime) -> bool:
    """Delete the key's row if it is older than keys are kept; tell whether it was."""
    if request is None:
        return False
    parameters = {**request.as_parameters(), "now": now}
    return session.connection().execute(_FORGET, parameters).first() is not None


def _new_row(request: KeyedRequest, resource_id: str, now: datetime) -> dict[str, Any]:
    return {
        "caller": request.caller,
        "operation": request.operation,
        "key": request.key,
        "fingerprint": request.fingerprint,
        "resource_id": resource_id,
        "locked_until": now + LOCKED_FOR,
        "created_at": now,
        "expires_at": now + KEPT_FOR,
    }


def complete(runtime: Runtime, session: Session, request: KeyedRequest | None, answer: Answer) -> Answer:
    """Store the first answer under the key, in the caller's transaction; the stored one wins.

    An answer that says "nothing was done, try again later" gives the key back: whoever does as it says
    must get another try, not the same answer for three days.
    """
    if request is None:
        return answer
    connection, key = session.connection(), request.as_parameters()
    if answer.retry_after is not None:
        first = connection.execute(_GIVE_BACK, key).first()
    else:
        body = runtime.vault.encrypt_bytes(answer.body)
        stored = {"answer_status": answer.status, "answer_body": body}
        first = connection.execute(_ANSWER, {**key, **stored}).first()
    if first is not None:
        return answer
    kept = connection.execute(_KEPT, key).one()
    return _kept(runtime, kept.answer_status, kept.answer_body)


def complete_last(runtime: Runtime, request: KeyedRequest | None, answer: Answer) -> Links:
    """Return what stores `answer` under the key at the end of a chain, if it is the first: else nothing is.

    The answer must be one that is kept, and not say "try again later".
    """
    if request is None:
        return []
    stored = {"answer_status": answer.status, "answer_body": runtime.vault.encrypt_bytes(answer.body)}
    of_key = {"caller": request.caller, "operation": request.operation, "key": request.key}
    first = Changed(IdempotencyKey, tuple(stored), tuple(of_key), unset="answer_status")
    return [(first, {**stored, **was(of_key)})]


def _kept(runtime: Runtime, status: int, body: bytes) -> Answer:
    """Return a kept answer; it is encrypted, since a CheckoutRequestID in it names a phone."""
    return Answer(status, runtime.vault.decrypt_bytes(body), replayed=True)


def _row(request: KeyedRequest) -> Select[IdempotencyKey]:
    return select(IdempotencyKey).filter_by(
        caller=request.caller, operation=request.operation, key=request.key
    )
