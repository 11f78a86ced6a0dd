"""Finding out what became of a refund whose result does not come.

A refund that Daraja has not acknowledged is sent again with the same OriginatorConversationID, which
only v3 takes once; one that it has acknowledged is asked about by transaction status. Neither Daraja's
silence nor our clock fails a refund: its amount stays reserved, and in the end a person decides.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.daraja import CommandAccepted, DarajaError, Duplicate, TransactionStatusQuery
from mpesa_service.domain.decisions import Evidence
from mpesa_service.domain.schedule import CALL_LIMIT, REFUND_ASK_AFTER, next_ask
from mpesa_service.domain.states import RefundStatus
from mpesa_service.log_context import about
from mpesa_service.models import Payment, Refund
from mpesa_service.models.statements import lock_refund
from mpesa_service.services import holds
from mpesa_service.services.refund_sending import Intent, intent_of, send, tokens_of
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import MPESA, SERVICE, Cause, move_refund

log = logging.getLogger(__name__)

NEVER_SAID = "A person must look: M-Pesa never said what became of this refund."


@dataclass(frozen=True)
class _Turn:
    """A refund taken to be looked into."""

    intent: Intent
    acknowledged_as: str | None


def look_into_due(runtime: Runtime, limit: int = 100) -> int:
    """Look into refunds that are due, longest due first; return how many."""
    for done in range(limit):
        turn = _next_turn(runtime)
        if turn is None:
            return done
        try:
            _look_into(runtime, turn)
        except Exception:  # the others must not wait for a fault in this one
            log.exception("could not look into a refund", extra={"refund_id": turn.intent.refund_id})
    return limit


def _next_turn(runtime: Runtime) -> _Turn | None:
    now = runtime.clock()
    due = (
        select(Payment.id, Refund.id)
        .join(Refund, Refund.payment_id == Payment.id)
        .where(Refund.ask_at <= now)
        .order_by(Refund.ask_at)
        .limit(1)
        .with_for_update(of=Payment, skip_locked=True)
    )
    with runtime.database.begin() as session:
        if holds.why_stopped(session, holds.REFUNDS) is not None:
            return None
        found = session.execute(due).first()
        if found is None:
            return None
        payment, row = lock_refund(session, found[1])
        if row.state is RefundStatus.SUBMITTING:
            move_refund(session, payment, row, "refund_unanswered", Cause(SERVICE, now))
        row.ask_at = now + CALL_LIMIT
        row.asks_made += 1
        return _Turn(intent_of(runtime, row), _known_as(row))


def _known_as(row: Refund) -> str | None:
    """Return the id by which Daraja knows a refund that it has acknowledged, or None."""
    if row.conversation_id is None and row.state is RefundStatus.PENDING:
        return row.originator_conversation_id  # "Duplicate" acknowledged it without naming its own
    return row.conversation_id


def _look_into(runtime: Runtime, turn: _Turn) -> None:
    answer: CommandAccepted | DarajaError | None = None
    if turn.acknowledged_as is not None:
        _ask_for_status(runtime, turn.intent, turn.acknowledged_as)
    elif runtime.settings.mpesa_b2c_version == "v3":
        answer = send(runtime, turn.intent)
    with runtime.database.begin() as session:
        payment, row = lock_refund(session, turn.intent.refund_id)
        if isinstance(answer, CommandAccepted):
            row.conversation_id = row.conversation_id or answer.conversation_id
        if isinstance(answer, CommandAccepted | Duplicate) and row.state is RefundStatus.UNKNOWN:
            cause = Cause(MPESA, runtime.clock(), Evidence.PUSH)
            move_refund(session, payment, row, "refund_accepted", cause)
        _plan_next(session, runtime, payment, row)


def _ask_for_status(runtime: Runtime, intent: Intent, conversation_id: str) -> None:
    """Ask; the answer comes to the refund's own status address."""
    token = tokens_of(runtime.vault, intent.refund_id).status
    base = runtime.settings.callback_url
    query = TransactionStatusQuery(
        original_conversation_id=conversation_id,
        result_url=f"{base}/status/result/{token}",
        timeout_url=f"{base}/status/timeout/{token}",
    )
    with about(payment_id=intent.payment_id, refund_id=intent.refund_id):
        try:
            runtime.daraja.transaction_status(query)
        except DarajaError as error:
            log.info("no information", extra={"reason": str(error)})


def _plan_next(session: Session, runtime: Runtime, payment: Payment, row: Refund) -> None:
    if row.completed_at is not None:
        return
    now: datetime = runtime.clock()
    row.ask_at = next_ask(REFUND_ASK_AFTER, row.created_at, row.asks_made, now, runtime.jitter())
    if row.ask_at is None:
        row.failure_reason = NEVER_SAID
        move_refund(session, payment, row, "refund_gave_up", Cause(SERVICE, now))
