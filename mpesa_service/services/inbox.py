"""Callbacks: the raw body is stored with what became of it, then answered.

Storing and applying share one transaction. Should anything in it fail, the body is stored first and
applying stands behind a savepoint, so that a fault in it never loses the body: the row says `failed`, and
is taken up again.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from mpesa_service.domain.callbacks import CallbackKind, InboxVerdict
from mpesa_service.models import CallbackInbox
from mpesa_service.models.together import append
from mpesa_service.services.callback_kinds import handler_of
from mpesa_service.services.handled import Handled, log_callback, outcome_columns
from mpesa_service.services.results import TRUST_KEYS
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.unlocked import apply_unlocked
from mpesa_service.services.vault import token_hash

log = logging.getLogger(__name__)

TRIES_AT_ONCE = 2
"""The second one sees what a concurrent callback has just written (two claims of one receipt)."""
MAX_ATTEMPTS = 10


@dataclass(frozen=True)
class Posted:
    """What came in over HTTP: which address, the raw bytes, headers of interest, from where."""

    kind: CallbackKind
    token: str | None
    body: bytes
    headers: Mapping[str, str]
    source_address: str | None


def accept(runtime: Runtime, posted: Posted) -> InboxVerdict:
    """Store a callback and apply it; return what became of it.

    Returns only after the body is committed. Raises SQLAlchemyError when it could not be stored, and
    then nothing was.
    """
    try:
        row = _received(runtime, posted)
        unlocked = _apply_unlocked(runtime, posted, row)
        handled = unlocked or _apply_and_store(runtime, posted, row)
    except PoolTimeout:  # it would only wait as long again
        raise
    except Exception as error:  # noqa: BLE001 - the body must be kept whatever went wrong
        log.warning("callback is stored before it is applied again: %s", type(error).__name__)
        return _store_and_apply(runtime, posted)
    if unlocked is None:  # else whoever served it has said so
        log_callback(posted.kind, handled)
    return handled.verdict


def _apply_unlocked(runtime: Runtime, posted: Posted, row: dict[str, Any]) -> Handled | None:
    if posted.kind is not CallbackKind.STK or runtime.database.is_sqlite:
        return None
    return apply_unlocked(runtime, row, posted.body)


def _apply_and_store(runtime: Runtime, posted: Posted, row: dict[str, Any]) -> Handled:
    """Do all of it with the fewest statements: the row is written once, with its verdict."""
    with runtime.database.begin() as session:
        session.info[TRUST_KEYS] = posted.kind is CallbackKind.STK
        handled = handler_of(posted.kind)(runtime, session, row["token_hash"], posted.body)
        append(session, CallbackInbox, {**row, **outcome_columns(handled, runtime.clock())})
    return handled


def _store_and_apply(runtime: Runtime, posted: Posted) -> InboxVerdict:
    with runtime.database.begin() as session:
        row = CallbackInbox(**_received(runtime, posted), verdict=InboxVerdict.RECEIVED, attempts=0)
        session.add(row)
        session.flush()
        _handle(runtime, session, row, posted.body)
        return InboxVerdict(row.verdict)


def keep(runtime: Runtime, posted: Posted, verdict: InboxVerdict, reason: str) -> None:
    """Store what was posted and has been answered already; nothing is applied."""
    row = _received(runtime, posted)
    outcome = {"verdict": verdict, "reason": reason[:512], "attempts": 0, "processed_at": row["received_at"]}
    with runtime.database.begin() as session:
        append(session, CallbackInbox, {**row, **outcome})


def _received(runtime: Runtime, posted: Posted) -> dict[str, Any]:
    """Return the columns of a callback that nobody has looked into yet."""
    return {
        "kind": posted.kind,
        "token_hash": token_hash(posted.token) if posted.token else None,
        "body_encrypted": runtime.vault.encrypt_bytes(posted.body),
        "headers": dict(posted.headers),
        "source_address": posted.source_address,
        "received_at": runtime.clock(),
    }


def take_up_failed(runtime: Runtime, limit: int = 100) -> int:
    """Apply again what failed before, oldest first; return how many were taken up."""
    statement = (
        select(CallbackInbox)
        .where(CallbackInbox.verdict == InboxVerdict.FAILED)
        .where(CallbackInbox.attempts < MAX_ATTEMPTS)
        .order_by(CallbackInbox.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    for taken in range(limit):
        with runtime.database.begin() as session:
            row = session.scalars(statement).one_or_none()
            if row is None:
                return taken
            _handle(runtime, session, row, runtime.vault.decrypt_bytes(row.body_encrypted))
    return limit


def _handle(runtime: Runtime, session: Session, row: CallbackInbox, body: bytes) -> None:
    handled = _apply(runtime, session, row, body)
    row.verdict = handled.verdict
    row.reason = handled.reason[:512]
    for name, value in handled.ids.items():
        setattr(row, name, value)
    row.attempts += 1
    row.processed_at = runtime.clock()
    log_callback(row.kind, handled)


def _apply(
    runtime: Runtime, session: Session, row: CallbackInbox, body: bytes, tries: int = TRIES_AT_ONCE
) -> Handled:
    handle = handler_of(CallbackKind(row.kind))
    try:
        with session.begin_nested():
            return handle(runtime, session, row.token_hash, body)
    except Exception as error:  # the body must be kept whatever goes wrong here
        log.exception("callback could not be applied", extra={"inbox_id": row.id})
        if tries > 1 and isinstance(error, SQLAlchemyError):
            return _apply(runtime, session, row, body, tries - 1)
        return Handled(InboxVerdict.FAILED, f"applying raised {type(error).__name__}")
