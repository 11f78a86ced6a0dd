"""Idempotency keys: a unique insert decides which request acts; the others get the answer of that request.

The key's row is written in the transaction that writes the payment or refund, so neither exists without the
other. If a request is refused before anything is written (a conflict, a limit), its key stays free.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, delete, select, update
from sqlalchemy.orm import Session

from mpesa_service.core.clock import Clock
from mpesa_service.core.database import driver_of
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.plans import NewRow, Update
from mpesa_service.errors import KeyReused, TryLater
from mpesa_service.models import IdempotencyKey
from mpesa_service.models.driver import Driver, Statement
from mpesa_service.models.statements import insert_once, table_of

TABLE = "idempotency_keys"
BOOK_RECEIPT = "book_receipt"
MOVE = "move"
"""The operation of a move. One payment may be moved several times, so it may have several of these keys."""
KEPT_FOR = timedelta(hours=72)
LOCKED_FOR = timedelta(seconds=90)
"""Longer than a request can take. A process that holds a key for longer was killed."""


@dataclass(frozen=True)
class Answer:
    """A status and the exact bytes that the caller gets. `retry_after` (seconds) is never stored."""

    status: int
    body: bytes
    replayed: bool = False
    retry_after: int | None = None


@dataclass(frozen=True)
class KeyedRequest:
    """A caller's key for one operation, and a hash of the request that was sent under it."""

    caller: str
    operation: str
    key: str
    request_hash: str

    @classmethod
    def of(cls, caller: str, operation: str, key: str, fields: Mapping[str, object]) -> "KeyedRequest":
        """Hash the *validated* input, so that the spelling and order of fields do not matter."""
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), default=str)
        return cls(caller, operation, key, hashlib.sha256(canonical.encode()).hexdigest())


_K = table_of(IdempotencyKey)
_OF_KEY = (
    _K.c.caller == bindparam("of_caller"),
    _K.c.operation == bindparam("of_operation"),
    _K.c.key == bindparam("of_key"),
)
_UNANSWERED = (*_OF_KEY, _K.c.answer_status.is_(None))
_ANSWER = update(_K).where(*_UNANSWERED).returning(_K.c.id)
_RELEASE = delete(_K).where(*_UNANSWERED).returning(_K.c.id)
_KEPT = select(_K.c.answer_status, _K.c.answer_body).where(*_OF_KEY)


def earlier_answer(
    runtime: Runtime, request: KeyedRequest | None, finish: Callable[[str], Answer]
) -> Answer | None:
    """Return the answer that is stored under the key; None if the key is free, or there is no key.

    If the first request was killed before it answered, `finish` makes the answer from the id of the resource
    that it began. Raises KeyReused if the key belongs to another request, and TryLater while the first
    request still runs.
    """
    if request is None:
        return None
    with runtime.database.read() as session:
        row = session.scalars(_row(request)).one_or_none()
    if row is None or row.expires_at <= runtime.clock():
        return None
    if row.request_hash != request.request_hash:
        raise KeyReused
    if row.answer_status is not None and row.answer_body is not None:
        return _kept(runtime, row.answer_status, row.answer_body)
    if row.locked_until > runtime.clock():
        raise in_use()
    return finish(row.resource_id)


def stored_answer(runtime: Runtime, request: KeyedRequest | None) -> Answer | None:
    """Return the answer under a key that is stored in one commit with its answer; None if there is none.

    Raises KeyReused if the key belongs to another request.
    """
    if request is None:
        return None
    with runtime.database.read() as session:
        row = session.scalars(_row(request)).one_or_none()
    if row is None or row.expires_at <= runtime.clock():
        return None
    if row.request_hash != request.request_hash:
        raise KeyReused
    return _kept(runtime, row.answer_status or 0, row.answer_body or b"")


def in_use() -> TryLater:
    """Return the error for a key whose first request still runs."""
    return TryLater("A request with this Idempotency-Key is still running.", code="idempotency_key_in_use")


def claim(session: Session, request: KeyedRequest, resource_id: str, clock: Clock) -> None:
    """Claim the key for `resource_id`; raise TryLater if another request has just claimed it."""
    now = clock()
    row = _new_row(request, resource_id, now)
    if insert_once(session, IdempotencyKey, row):
        return
    if not (forget_expired(driver_of(session), request, now) and insert_once(session, IdempotencyKey, row)):
        raise in_use()


def name_resource(session: Session, request: KeyedRequest | None, resource_id: str) -> None:
    """Let the claimed key name another resource: its request waits for an approval instead."""
    if request is not None:
        key = {"of_caller": request.caller, "of_operation": request.operation, "of_key": request.key}
        session.connection().execute(update(_K).where(*_OF_KEY).values(resource_id=resource_id), key)


def claim_row(request: KeyedRequest | None, resource_id: str, now: datetime) -> tuple[NewRow, ...]:
    """Return the row that claims the key for `resource_id`; no row without a key.

    The key is unique: a plan with this row writes nothing if the key is taken.
    """
    if request is None:
        return ()
    return (NewRow(TABLE, _new_row(request, resource_id, now), once=True),)


def answered_row(
    runtime: Runtime, request: KeyedRequest | None, resource_id: str, answer: Answer
) -> tuple[NewRow, ...]:
    """Return the row of the key with its answer; no row without a key. See `claim_row`."""
    body = runtime.encryption.encrypt_bytes(answer.body)
    answered = {"answer_status": answer.status, "answer_body": body}
    rows = claim_row(request, resource_id, runtime.clock())
    return tuple(replace(row, columns={**row.columns, **answered}) for row in rows)


def refuse_taken(runtime: Runtime, request: KeyedRequest | None) -> None:
    """Raise TryLater if the key is taken."""
    if request is None:
        return
    with runtime.database.read() as session:
        if session.scalars(_row(request)).first() is not None:
            raise in_use()


def forget_expired(connection: Driver, request: KeyedRequest | None, now: datetime) -> bool:
    """Delete the key's row if it has expired; return whether it had."""
    if request is None:
        return False
    mark = "%s" if connection.is_postgres else "?"
    terms = f"caller = {mark} AND operation = {mark} AND key = {mark} AND expires_at <= {mark}"
    values = (request.caller, request.operation, request.key, now)
    forget = Statement(f"DELETE FROM {TABLE} WHERE {terms}", values)  # noqa: S608 - our own names
    return connection.execute([forget]) is not None


def _new_row(request: KeyedRequest, resource_id: str, now: datetime) -> dict[str, Any]:
    return {
        "caller": request.caller,
        "operation": request.operation,
        "key": request.key,
        "request_hash": request.request_hash,
        "resource_id": resource_id,
        "locked_until": now + LOCKED_FOR,
        "created_at": now,
        "expires_at": now + KEPT_FOR,
    }


def complete(runtime: Runtime, session: Session, request: KeyedRequest | None, answer: Answer) -> Answer:
    """Store the first answer under the key, in the caller's transaction; return the stored answer.

    An answer that says "nothing was done, try again later" frees the key instead: a client that tries again
    must get a new attempt, not the same answer for three days.
    """
    if request is None:
        return answer
    connection = session.connection()
    key = {"of_caller": request.caller, "of_operation": request.operation, "of_key": request.key}
    if answer.retry_after is not None:
        first = connection.execute(_RELEASE, key).first()
    else:
        body = runtime.encryption.encrypt_bytes(answer.body)
        stored = {"answer_status": answer.status, "answer_body": body}
        first = connection.execute(_ANSWER, {**key, **stored}).first()
    if first is not None:
        return answer
    kept = connection.execute(_KEPT, key).one()
    return _kept(runtime, kept.answer_status, kept.answer_body)


def release(session: Session, request: KeyedRequest) -> None:
    """Free a key without an answer, in the caller's transaction: nothing was done under it."""
    key = {"of_caller": request.caller, "of_operation": request.operation, "of_key": request.key}
    session.connection().execute(_RELEASE, key)


def answer_update(runtime: Runtime, request: KeyedRequest | None, answer: Answer) -> tuple[Update, ...]:
    """Return the update that stores the first answer under the key, as `complete` does; () without a key."""
    if request is None:
        return ()
    where = {
        "caller": request.caller,
        "operation": request.operation,
        "key": request.key,
        "answer_status": None,
    }
    columns = None
    if answer.retry_after is None:
        body = runtime.encryption.encrypt_bytes(answer.body)
        columns = {"answer_status": answer.status, "answer_body": body}
    return (Update(TABLE, where, columns, required=False),)


def kept_answer(runtime: Runtime, request: KeyedRequest) -> Answer:
    """Return the answer that is stored under the key."""
    with runtime.database.read() as session:
        row = session.scalars(_row(request)).one()
    return _kept(runtime, row.answer_status or 0, row.answer_body or b"")


def _kept(runtime: Runtime, status: int, body: bytes) -> Answer:
    """Return a stored answer. It is encrypted, because a CheckoutRequestID in it contains a phone number."""
    return Answer(status, runtime.encryption.decrypt_bytes(body), replayed=True)


def _row(request: KeyedRequest) -> Select[IdempotencyKey]:
    return select(IdempotencyKey).filter_by(
        caller=request.caller, operation=request.operation, key=request.key
    )


def prune(runtime: Runtime) -> int:
    """Delete expired idempotency keys; return how many."""
    with runtime.database.begin() as session:
        dropped = session.execute(
            delete(IdempotencyKey)
            .where(IdempotencyKey.expires_at <= runtime.clock())
            .returning(IdempotencyKey.id)
        )
        return len(dropped.all())
