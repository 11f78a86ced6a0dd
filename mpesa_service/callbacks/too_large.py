"""Posts to secret addresses that are too large to be read. They may report money, so a person sees each one.

The beginning is stored as an unread callback. It is never applied, because it is not what M-Pesa posted. A
stranger cannot fill the database: an invented address stores nothing, and STORED_PER_HOUR limits a valid one.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.c2b.known_secrets import check_secret
from mpesa_service.callbacks.handlers import KINDS, TOKEN_COLUMNS, keep_unread
from mpesa_service.commands.callbacks import find_command, keep_command_unread
from mpesa_service.core.encryption import token_hash
from mpesa_service.core.inbox import CallbackOutcome, Posted, Received
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.callbacks import CallbackKind, InboxVerdict
from mpesa_service.errors import NotFound
from mpesa_service.models import CallbackInbox, Payment

log = logging.getLogger(__name__)

STORED_PER_HOUR = 20
"""The most such posts that one address stores in an hour. All addresses for confirmations count as one."""
_HOUR = timedelta(hours=1)


def receive_too_large(
    runtime: Runtime, kind: CallbackKind, token: str | None, size: int, read: Callable[[], Posted]
) -> None:
    """Store the beginning of a post of `size` bytes as unread, if its address is secret.

    `read` returns what was posted. If it cannot be stored, an ERROR line says so.
    """
    about = _about(runtime, kind, token) if token else {}
    if not about:
        return
    if kind is CallbackKind.C2B_VALIDATION:  # it moves no money, and M-Pesa does what the registration says
        not_stored: str | None = "a validation moves no money"
    else:
        not_stored = _store(runtime, read())
    if not_stored is not None:
        extra = {"kind": kind, "size": size, **about, "reason": not_stored}
        log.error("ALERT: a callback on a secret address is too large; it is not stored", extra=extra)


def _about(runtime: Runtime, kind: CallbackKind, token: str) -> dict[str, str]:
    """Return what the address belongs to; nothing for an invented one."""
    if kind in {CallbackKind.C2B_CONFIRMATION, CallbackKind.C2B_VALIDATION}:
        try:
            check_secret(runtime, token)
        except NotFound:
            return {}
        return {"address": "c2b"}
    if kind is CallbackKind.STK:
        statement = select(Payment.id).where(Payment.callback_token_hash == token_hash(token))
        with runtime.database.read() as session:
            payment_id = session.scalar(statement)
        return {} if payment_id is None else {"payment_id": payment_id}
    with runtime.database.begin() as session:
        command = find_command(session, KINDS, **{TOKEN_COLUMNS[kind]: token_hash(token)})
        ids = {} if command is None else command.handled(InboxVerdict.UNREAD, "too large").ids
    return {name: value for name, value in ids.items() if value is not None}


def _store(runtime: Runtime, posted: Posted) -> str | None:
    """Store a post as unread; return why it is not stored, or None."""
    received = Received.of(posted, runtime.encryption, runtime.clock())
    try:
        if (reason := _why_not(runtime, received)) is not None:
            return reason
        _keep(runtime, received, reason_of(received.size, len(posted.body)))
    except SQLAlchemyError as error:
        log.exception("a callback that is too large could not be stored")
        return f"storing it raised {type(error).__name__}"
    return None


def reason_of(size: int, stored: int) -> str:
    """Return why such a callback cannot be applied, and what a person does."""
    return (
        f"too large: only the first {stored} of its {size} bytes are stored, so it cannot be applied. Find"
        " its receipt in the organization portal, and book it: mpesa receipts book RECEIPT --by NAME"
    )


def _why_not(runtime: Runtime, received: Received) -> str | None:
    """Return why a post must not be stored: it is stored already, or its address has stored too many."""
    row = CallbackInbox
    on_this_address = (
        row.verdict == InboxVerdict.UNREAD,  # a person who decides makes room
        row.kind == received.kind,
        row.token_hash == received.token_hash,
        row.full_size.is_not(None),
    )
    sha256 = received.columns["full_sha256"] or ""
    with runtime.database.read() as session:
        same = select(row.post_id).where(*on_this_address, row.full_sha256 == sha256).limit(1)
        if (stored_as := session.scalar(same)) is not None:
            return f"the same post is unread: {stored_as}"
        recent = row.received_at > received.received_at - _HOUR
        stored = session.scalar(select(func.count()).select_from(row).where(*on_this_address, recent)) or 0
    if stored >= STORED_PER_HOUR:
        return f"its address has stored {stored} such posts in the last hour"
    return None


def _keep(runtime: Runtime, received: Received, reason: str) -> None:
    """Store the callback as unread. The service queries M-Pesa about what its address belongs to."""
    if received.kind is CallbackKind.STK:
        keep_unread(runtime, received, reason)
        return
    with runtime.database.begin() as session:
        outcome = CallbackOutcome(InboxVerdict.UNREAD, reason)
        if received.kind in TOKEN_COLUMNS:
            token = {TOKEN_COLUMNS[received.kind]: received.token_hash or ""}
            command = find_command(session, KINDS, **token)
            kept = command and keep_command_unread(runtime, command, received.kind, reason)
            outcome = kept or outcome
        received.store(session, outcome, runtime.clock())
