"""Receives what M-Pesa posts: each body is stored with its outcome, in the transaction that applies it.

If that fails, the body is stored alone, as `failed`. A job applies it again by the same path.

An earlier try may have committed although its connection was lost, or may still commit in a batch that hangs.
The unique `post_id` of the row lets only one try store the post. The others return the verdict of its row.
"""

import logging
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mpesa_service.callbacks.handlers import handler_of
from mpesa_service.core.apply import NotCommitted
from mpesa_service.core.batching import MaybeServed
from mpesa_service.core.inbox import AlreadyApplied, CallbackOutcome, Posted, Received
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.callbacks import MAX_ATTEMPTS, CallbackKind, InboxVerdict
from mpesa_service.domain.references import new_id
from mpesa_service.models import CallbackInbox

log = logging.getLogger(__name__)

TRIES_AT_ONCE = 3


def receive(runtime: Runtime, posted: Posted) -> InboxVerdict:
    """Store a callback and apply it; return the verdict.

    Returns only after the body is committed. Raises SQLAlchemyError if it cannot be stored; then nothing was.
    """
    received = _received(runtime, posted)
    try:
        return _apply(runtime, received, posted.body)
    except PoolTimeout:  # storing the body alone would only wait as long again
        raise
    except Exception as error:  # the body must be kept whatever went wrong
        log.exception("callback could not be applied")
        return _keep(runtime, received, _failed(error))


def _apply(runtime: Runtime, received: Received, body: bytes) -> InboxVerdict:
    """Apply and store a callback; at once again if the database broke off (a deadlock, a lost connection).

    Each further try looks for the stored row first.
    """
    tries = 0
    while True:
        tries += 1
        try:
            if tries > 1 and (stored := _stored_verdict(runtime, received)) is not None:
                return stored
            return handler_of(received.kind)(runtime, received, body).verdict
        except PoolTimeout:
            raise
        except NotCommitted:
            if (stored := _stored_verdict(runtime, received)) is None:
                raise
            return stored
        except (SQLAlchemyError, MaybeServed) as error:
            if tries == TRIES_AT_ONCE:
                raise
            log.warning("callback is applied again: %s", type(error).__name__)


def _stored_verdict(runtime: Runtime, received: Received) -> InboxVerdict | None:
    """Return the verdict on a post that an earlier try has stored, or None."""
    if received.row_id is not None:  # its number of attempts guards it
        return None
    statement = select(CallbackInbox.verdict).where(CallbackInbox.post_id == received.columns["post_id"])
    with runtime.database.read() as session:
        found = session.scalar(statement)
    return None if found is None else InboxVerdict(found)


def apply_failed_again(runtime: Runtime, limit: int = 100) -> int:
    """Apply again the stored callbacks that failed before, each once, oldest first; return how many."""
    after = 0
    for done in range(limit):
        row = _next_failed(runtime, after)
        if row is None:
            return done
        after = row.id
        try:
            apply_again(runtime, row)
        except AlreadyApplied:
            continue
    return limit


def apply_again(
    runtime: Runtime, row: CallbackInbox, decision: Mapping[str, Any] | None = None
) -> InboxVerdict:
    """Apply a stored callback; return the verdict. Raise AlreadyApplied if another process was faster.

    `decision` are the columns of a person's decision to apply it. They are not stored if it is still unread.
    """
    body = runtime.encryption.decrypt_bytes(row.body_encrypted)
    received = Received(
        CallbackKind(row.kind),
        row.token_hash,
        row.post_id or new_id(row.received_at),
        row.received_at,
        len(body),
        row_id=row.id,
        attempts=row.attempts,
        decision=decision or {},
        was_unread=row.verdict == InboxVerdict.UNREAD,
    )
    try:
        return _apply(runtime, received, body)
    except AlreadyApplied:
        raise
    except Exception as error:  # the others must not wait for a fault in this one
        outcome = _failed(error)
        _store(runtime, received, outcome)
        log.exception("callback could not be applied again", extra={"inbox_id": row.id})
        return outcome.verdict


def _next_failed(runtime: Runtime, after: int) -> CallbackInbox | None:
    statement = (
        select(CallbackInbox)
        .where(CallbackInbox.verdict == InboxVerdict.FAILED, CallbackInbox.id > after)
        .where(CallbackInbox.attempts < MAX_ATTEMPTS)
        .order_by(CallbackInbox.id)
        .limit(1)
    )
    with runtime.database.read() as session:
        return session.scalars(statement).one_or_none()


def _received(runtime: Runtime, posted: Posted) -> Received:
    return Received.of(posted, runtime.encryption, runtime.clock())


def _failed(error: Exception) -> CallbackOutcome:
    return CallbackOutcome(InboxVerdict.FAILED, f"applying raised {type(error).__name__}")


def _keep(runtime: Runtime, received: Received, outcome: CallbackOutcome) -> InboxVerdict:
    """Store a new callback with this outcome, unless it is stored already; return the verdict of its row."""
    try:
        _store(runtime, received, outcome)
    except IntegrityError as error:
        if (stored := _stored_verdict(runtime, received)) is None:
            raise
        log.warning("callback is stored already: %s", type(error).__name__)
        return stored
    return outcome.verdict


def _store(runtime: Runtime, received: Received, outcome: CallbackOutcome) -> None:
    with runtime.database.begin() as session:
        received.store(session, outcome, runtime.clock())
