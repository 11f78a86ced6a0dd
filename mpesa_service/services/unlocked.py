"""An STK callback on its payment's own address, applied without holding a lock (PostgreSQL).

Nearly all callbacks are about a payment that nobody else is changing at that moment. The payment is read, the
callback is judged as ever, and everything that follows is written in one statement, which does nothing if the
payment is no longer the one that was read. Whoever needs to look at more than the payment, or to wait for
others, or was overtaken, gets None here, and the callback is applied under locks: nothing has been done then.
"""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy.exc import UnboundExecutionError
from sqlalchemy.orm import Session

from mpesa_service.daraja import UnreadableCallback, parse_stk_callback
from mpesa_service.extensions import AFTER_COMMIT
from mpesa_service.gathering import Unserved
from mpesa_service.models import CallbackInbox
from mpesa_service.models.snapshots import Snapshot
from mpesa_service.models.statements import NO_ORDER
from mpesa_service.models.together import held_back, row_of
from mpesa_service.services.callback_desk import Arrived, Judged
from mpesa_service.services.callback_kinds import checkout_hash_of, hear_stk, subject_at_its_address
from mpesa_service.services.handled import Handled, log_callback, outcome_columns
from mpesa_service.services.results import TRUST_KEYS
from mpesa_service.services.runtime import Runtime

log = logging.getLogger(__name__)


def apply_unlocked(runtime: Runtime, received: Mapping[str, Any], body: bytes) -> Handled | None:
    """Apply a callback and store it, `received` being its columns; None when it needs locks."""
    try:
        callback = parse_stk_callback(body)
    except UnreadableCallback:
        return None
    arrived = Arrived(callback, checkout_hash_of(runtime, callback), received)
    try:
        judged = runtime.callback_desk((arrived, lambda one, read: _judge(runtime, one, read)))
    except Unserved:
        return None
    return None if judged is None else judged.handled


def _judge(runtime: Runtime, arrived: Arrived, read: Snapshot | None) -> Judged | None:
    """Return what a callback comes to if nobody changes its payment meanwhile; None when it needs more."""
    try:
        return _judge_alone(runtime, arrived, read)
    except UnboundExecutionError:
        return None
    except Exception:  # one that cannot be judged must not keep the others from being served
        log.exception("callback could not be judged without locks")
        return None


def _judge_alone(runtime: Runtime, arrived: Arrived, read: Snapshot | None) -> Judged | None:
    received, callback = arrived.received, arrived.callback
    if read is None or read.announced_order or read.payment.callback_token_hash != received["token_hash"]:
        return None
    # Without a database, so whatever would look anywhere raises UnboundExecutionError.
    session = Session(info={TRUST_KEYS: True, NO_ORDER: True})
    subject = subject_at_its_address(read.payment, callback, arrived.checkout_hash)
    with held_back(session) as rows:
        handled = hear_stk(runtime, session, subject, callback)
    if session.new:
        return None
    rows.append(row_of(CallbackInbox, {**received, **outcome_columns(handled, runtime.clock())}))
    said = partial(log_callback, received["kind"], handled)
    return Judged(handled, read, rows, (*session.info.get(AFTER_COMMIT, ()), said), arrived.context)
