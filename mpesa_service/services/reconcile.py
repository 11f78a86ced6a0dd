"""Asking Daraja what became of a payment. Its answer goes the same way as a callback.

`ask_at` says when a payment is due. Whoever takes one moves `ask_at` a lease ahead before it asks, so
that no two ask at once and a killed one's payment is due again within 90 seconds.
"""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.daraja import DarajaError, StkQueryAnswer
from mpesa_service.domain.decisions import Decision, Evidence, Report
from mpesa_service.domain.outcomes import Outcome
from mpesa_service.domain.schedule import (
    ASK_AFTER,
    ASK_AT_MOST_EVERY,
    CALL_LIMIT,
    GIVE_UP_AFTER,
    next_ask,
)
from mpesa_service.domain.states import OPEN, PAID, UNPAID, PaymentStatus
from mpesa_service.log_context import about
from mpesa_service.models import Payment
from mpesa_service.models.statements import lock_payment
from mpesa_service.services import pace
from mpesa_service.services.results import apply_result
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import SERVICE, Cause, move_payment

log = logging.getLogger(__name__)

NEVER_SAID = "A person must look: M-Pesa never said what became of this payment."


@dataclass(frozen=True)
class Turn:
    """A payment taken to be looked into; without a CheckoutRequestID there is nobody to ask.

    `scheduled` is False for a question that only a reader's impatience asked: it uses up no step of
    the schedule, and its failure means nothing.
    """

    payment_id: str
    checkout_id: str | None
    scheduled: bool


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
        turn = _take(runtime, session, payment, now) if is_due(payment, now) else None
    return _look_into(runtime, turn) if turn else None


def ask_due(runtime: Runtime, limit: int = 200) -> int:
    """Look into payments that are due, longest due first, while Daraja's pace allows; return how many.

    A payment whose answer cannot be applied is logged, and tried again by its schedule; it holds
    nobody up, and when its schedule is used up it goes to a person.
    """
    for done in range(limit):
        turn = next_turn(runtime)
        if turn is None:
            return done
        try:
            _look_into(runtime, turn)
        except Exception:  # the others must not wait for a fault in this one
            log.exception("could not look into a payment", extra={"payment_id": turn.payment_id})
    return limit


def next_turn(runtime: Runtime) -> Turn | None:
    """Take the payment that has been due longest; None when none is, or Daraja may not be asked yet."""
    now = runtime.clock()
    statement = (
        select(Payment)
        .where(Payment.ask_at <= now)
        .order_by(Payment.ask_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    with runtime.database.begin() as session:
        payment = session.scalars(statement).one_or_none()
        return _take(runtime, session, payment, now) if payment else None


def _take(runtime: Runtime, session: Session, payment: Payment, now: datetime) -> Turn | None:
    """Take a locked payment's turn; None when Daraja may not be asked yet."""
    if payment.state is PaymentStatus.SUBMITTING:
        move_payment(session, payment, "push_unanswered", Cause(SERVICE, now))
    if payment.checkout_id_encrypted is None:
        return Turn(payment.id, None, scheduled=True)
    if not pace.take(session, pace.QUERIES, runtime.settings.queries_per_minute, now):
        return None
    scheduled = payment.ask_at is not None and payment.ask_at <= now
    payment.asked_at = now
    if scheduled:
        payment.asks_made += 1
        payment.ask_at = now + CALL_LIMIT
    return Turn(payment.id, runtime.vault.decrypt(payment.checkout_id_encrypted), scheduled)


def _look_into(runtime: Runtime, turn: Turn) -> Decision | None:
    answer = _query(runtime, turn)
    with runtime.database.begin() as session:
        payment = lock_payment(session, turn.payment_id)
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
    if turn.checkout_id is None:
        return None
    try:
        with about(payment_id=turn.payment_id):
            return runtime.daraja.stk_query(turn.checkout_id)
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
