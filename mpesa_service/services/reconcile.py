"""Asking Daraja what became of a payment. Its answer goes the same way as a callback.

`ask_at` says when a payment is due. Whoever takes some (`turns.py`) moves `ask_at` a lease ahead before it
asks, so that no two ask at once and a killed one's payments are due again within 90 seconds.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from mpesa_service.daraja import DarajaError, StkQueryAnswer
from mpesa_service.domain.decisions import Decision, Evidence, Report
from mpesa_service.domain.outcomes import Outcome
from mpesa_service.domain.schedule import (
    ASK_AFTER,
    ASK_AT_MOST_EVERY,
    GIVE_UP_AFTER,
    next_ask,
)
from mpesa_service.domain.states import OPEN, PAID, UNPAID, PaymentStatus
from mpesa_service.log_context import about
from mpesa_service.models import Payment
from mpesa_service.models.statements import lock_payment
from mpesa_service.services import turns
from mpesa_service.services.results import apply_result
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import SERVICE, Cause, move_payment
from mpesa_service.services.turns import Turn

log = logging.getLogger(__name__)

NEVER_SAID = "A person must look: M-Pesa never said what became of this payment."


def is_due(payment: Payment, now: datetime) -> bool:
    """Tell whether reading this payment now is a reason to ask Daraja about it first."""
    if payment.state is PaymentStatus.SUBMITTING:
        return payment.ask_at is not None and payment.ask_at <= now
    if payment.checkout_id_hash is None:
        return False
    rested = now - (payment.asked_at or payment.created_at) >= ASK_AT_MOST_EVERY
    claimed = payment.ask_at is not None and payment.ask_at <= now
    return rested and (payment.state in OPEN or claimed)


def ask(runtime: Runtime, payment_id: str) -> Decision | None:
    """Ask Daraja about one payment, if that is due, and apply the answer; None when nothing was learnt.

    At most one ask per payment in ten seconds, however many processes want one. An errorCode, a
    time-out or "still processing" is no information and changes nothing but the next due time.
    """
    now = runtime.clock()
    with runtime.database.begin() as session:
        payment = lock_payment(session, payment_id)
        turn = turns.take_one(runtime, session, payment, now) if is_due(payment, now) else None
    return _look_into(runtime, turn) if turn else None


def ask_due(runtime: Runtime, limit: int = 200) -> int:
    """Look into payments that are due, longest due first, while Daraja's pace allows; return how many.

    First those that need no turn of the pace, since nobody can be asked about them. A payment whose answer
    cannot be applied is logged, and tried again by its schedule; it holds nobody up, and when its schedule
    is used up it goes to a person.
    """
    done, batch = 0, turns.BATCH
    for take in (turns.take_unaskable, turns.take_askable):
        while done < limit and (taken := take(runtime, min(batch, limit - done))):
            begun = _look_into_each(runtime, taken)
            if begun < len(taken):  # Daraja is slow: no more at once than it gets through
                batch = begun
            done += begun
    return done


def _look_into_each(runtime: Runtime, taken: Sequence[Turn]) -> int:
    """Look into one after the other; give back what it is too late to begin. Return how many were begun."""
    for number, turn in enumerate(taken):
        if number and turn.is_too_late(runtime.clock()):
            turns.give_back(runtime, taken[number:])
            return number
        try:
            _look_into(runtime, turn)
        except Exception:  # the others must not wait for a fault in this one
            log.exception("could not look into a payment", extra={"payment_id": turn.payment_id})
    return len(taken)


def _look_into(runtime: Runtime, turn: Turn) -> Decision | None:
    begun_at = runtime.clock()
    answer = _query(runtime, turn)
    with runtime.database.begin() as session:
        payment = lock_payment(session, turn.payment_id)
        if turn.checkout_id_encrypted is not None and turn.scheduled:
            payment.asked_at = begun_at
        elif payment.state is PaymentStatus.SUBMITTING:
            move_payment(session, payment, "push_unanswered", Cause(SERVICE, begun_at))
        if answer is None or answer.result is None or answer.result.outcome is Outcome.PENDING:
            if turn.scheduled:
                _no_news(runtime, session, payment)
            return None
        report = Report(
            evidence=Evidence.QUERY,
            outcome=answer.result.outcome,
            at=runtime.clock(),
            result_code=answer.result.code,
            result_desc=answer.result_desc,
        )
        if turn.scheduled:
            _plan_next(runtime, payment)
        return apply_result(session, runtime.vault, payment, report, answer.result.say)


def _query(runtime: Runtime, turn: Turn) -> StkQueryAnswer | None:
    if turn.checkout_id_encrypted is None:
        return None
    checkout_id = runtime.vault.decrypt(turn.checkout_id_encrypted)
    try:
        with about(payment_id=turn.payment_id):
            return runtime.daraja.stk_query(checkout_id)
    except DarajaError as error:
        log.info("no information", extra={"payment_id": turn.payment_id, "reason": str(error)})
        return None


def _no_news(runtime: Runtime, session: Session, payment: Payment) -> None:
    """Nobody knows yet: wait as the schedule says, and when it is used up, hand over to a person."""
    now = runtime.clock()
    cause = Cause(SERVICE, now)
    if _prompt_is_over(payment, now) and payment.state is PaymentStatus.PENDING:
        move_payment(session, payment, "fell_silent", cause)
    _plan_next(runtime, payment)
    if payment.ask_at is not None:
        return
    if payment.state in {PaymentStatus.PENDING, PaymentStatus.UNKNOWN}:
        payment.failure_reason = NEVER_SAID
        move_payment(session, payment, "gave_up", cause)
    elif _is_contested(payment):
        payment.failure_reason = "A person must look: a contradiction that M-Pesa has not cleared up."
        move_payment(session, payment, "contradicted", cause)


def _prompt_is_over(payment: Payment, now: datetime) -> bool:
    return payment.prompt_expires_at is not None and payment.prompt_expires_at <= now


def _is_contested(payment: Payment) -> bool:
    """A trusted claim says otherwise than the settled record, and Daraja has not said who is right."""
    if payment.state in UNPAID:
        return payment.claimed_receipt is not None
    return payment.state in PAID and payment.contradiction is not None


def _plan_next(runtime: Runtime, payment: Payment) -> None:
    now, start = runtime.clock(), payment.ask_from or payment.created_at
    if payment.checkout_id_hash is None:  # nobody to ask: a callback, or in the end a person
        over = start + GIVE_UP_AFTER
        payment.ask_at = over if over > now else None
    else:
        payment.ask_at = next_ask(ASK_AFTER, start, payment.asks_made, now, runtime.jitter())
