"""Reports posts to secret addresses that are too large.

They are refused and not stored, but they may report money.
"""

import logging

from sqlalchemy import select

from mpesa_service.c2b.known_secrets import check_secret
from mpesa_service.callbacks.handlers import KINDS, TOKEN_COLUMNS
from mpesa_service.commands.callbacks import find_command
from mpesa_service.core.encryption import token_hash
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.callbacks import CallbackKind, InboxVerdict
from mpesa_service.errors import NotFound
from mpesa_service.models import Payment

log = logging.getLogger(__name__)

C2B = {CallbackKind.C2B_CONFIRMATION, CallbackKind.C2B_VALIDATION}


def report_too_large(runtime: Runtime, kind: CallbackKind, token: str | None, size: int) -> None:
    """Log an error for a post of `size` bytes or more, unless anybody can post to its address."""
    about = _about(runtime, kind, token) if token else {}
    if about:
        extra = {"kind": kind, "size": size, **about}
        log.error("ALERT: a callback on a secret address is too large; it is not stored", extra=extra)


def _about(runtime: Runtime, kind: CallbackKind, token: str) -> dict[str, str]:
    """Return what the address belongs to; nothing for an invented one."""
    if kind in C2B:
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
