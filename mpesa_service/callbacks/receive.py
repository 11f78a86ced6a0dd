"""Receives what M-Pesa posts: each body is stored with its outcome, in the transaction that applies it.

If that fails, the body is stored alone, as `failed`. A job applies it again by the same path.
"""

import logging

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mpesa_service.callbacks.handlers import handler_of
from mpesa_service.core.batching import MaybeServed
from mpesa_service.core.inbox import AlreadyApplied, CallbackOutcome, Posted, Received
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.callbacks import MAX_ATTEMPTS, CallbackKind, InboxVerdict
from mpesa_service.models import CallbackInbox

log = logging.getLogger(__name__)

TRIES_AT_ONCE = 3
NEWEST = 10_000
"""The number of latest rows that are searched for a stored callback: more than arrive during one try."""


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
        if (stored := _stored_verdict(runtime, received)) is not None:
            return stored
        outcome = _failed(error)
        _store(runtime, received, outcome)
        return outcome.verdict


def _apply(runtime: Runtime, received: Received, body: bytes) -> InboxVerdict:
    """Apply and store a callback; at once again if the database broke off (a deadlock, a lost connection).

    If the connection was lost, the callback may be committed. So each further try searches for its row first.
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
        except (SQLAlchemyError, MaybeServed) as error:
            if tries == TRIES_AT_ONCE:
                raise
            log.warning("callback is applied again: %s", type(error).__name__)


def _stored_verdict(runtime: Runtime, received: Received) -> InboxVerdict | None:
    """Return the verdict on a callback that is stored although the connection was lost, or None.

    Encryption is randomized, so the ciphertext identifies the HTTP request that stored the row.
    """
    if received.row_id is not None:  # its number of attempts guards it
        return None
    row = CallbackInbox
    columns = (row.verdict, row.received_at, row.body_encrypted)
    newest = select(*columns).order_by(row.id.desc()).limit(NEWEST).subquery().c
    statement = select(newest.verdict).where(
        newest.received_at == received.columns["received_at"],
        newest.body_encrypted == received.columns["body_encrypted"],
    )
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
            _apply_again(runtime, row)
        except AlreadyApplied:
            continue
    return limit


def _apply_again(runtime: Runtime, row: CallbackInbox) -> None:
    """Apply a stored callback; raise AlreadyApplied if another process was faster."""
    received = Received(CallbackKind(row.kind), row.token_hash, {}, row.id, row.attempts)
    try:
        _apply(runtime, received, runtime.encryption.decrypt_bytes(row.body_encrypted))
    except AlreadyApplied:
        raise
    except Exception as error:  # the others must not wait for a fault in this one
        _store(runtime, received, _failed(error))
        log.exception("callback could not be applied again", extra={"inbox_id": row.id})


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


def _store(runtime: Runtime, received: Received, outcome: CallbackOutcome) -> None:
    with runtime.database.begin() as session:
        received.store(session, outcome, runtime.clock())
