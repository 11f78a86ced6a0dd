"""Asking Daraja what became of a payment. Its answer goes the same way as a callback."""

import logging
from datetime import datetime

from mpesa_service.daraja import DarajaError, StkQueryAnswer
from mpesa_service.domain.decisions import Decision, Evidence, Report
from mpesa_service.domain.schedule import ASK_AT_MOST_EVERY, PUSH_ANSWER_LIMIT, next_ask
from mpesa_service.domain.states import OPEN, PaymentStatus
from mpesa_service.log_context import about
from mpesa_service.models import Payment
from mpesa_service.models.statements import lock_payment
from mpesa_service.services.results import apply_result
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import SERVICE, Cause, move_payment

log = logging.getLogger(__name__)


def is_due(payment: Payment, now: datetime) -> bool:
    """Tell whether reading this payment now is a reason to ask Daraja about it first."""
    if payment.state is PaymentStatus.SUBMITTING:
        return now - payment.created_at > PUSH_ANSWER_LIMIT
    if payment.checkout_id_hash is None:
        return False
    last = payment.asked_at or payment.created_at
    rested = now - last >= ASK_AT_MOST_EVERY
    claimed = payment.ask_at is not None and payment.ask_at <= now
    return rested and (payment.state in OPEN or claimed)


def ask(runtime: Runtime, payment_id: str) -> Decision | None:
    """Ask Daraja about one payment and apply the answer; None when there was nothing to apply.

    At most one ask per payment in ten seconds, however many processes want one. An errorCode, a
    time-out or "still processing" is no information and changes nothing but the next due time.
    """
    checkout_id = _claim(runtime, payment_id)
    if checkout_id is None:
        return None
    try:
        with about(payment_id=payment_id):
            answer = runtime.daraja.stk_query(checkout_id)
    except DarajaError as error:
        log.info("no information", extra={"payment_id": payment_id, "reason": str(error)})
        return None
    return _apply(runtime, payment_id, answer)


def _claim(runtime: Runtime, payment_id: str) -> str | None:
    """Take this payment's turn to be asked about; return its CheckoutRequestID, or None."""
    now = runtime.clock()
    with runtime.database.begin() as session:
        payment = lock_payment(session, payment_id)
        if not is_due(payment, now):
            return None
        if payment.state is PaymentStatus.SUBMITTING:
            move_payment(session, payment, "push_unanswered", Cause(SERVICE, now))
            return None
        payment.asked_at = now
        payment.asks_made += 1
        payment.ask_at = next_ask(payment.created_at, payment.asks_made, now)
        return runtime.vault.decrypt(payment.checkout_id_encrypted or b"")


def _apply(runtime: Runtime, payment_id: str, answer: StkQueryAnswer) -> Decision | None:
    if answer.result is None:
        return None
    report = Report(
        evidence=Evidence.QUERY,
        outcome=answer.result.outcome,
        at=runtime.clock(),
        result_code=answer.result.code,
        result_desc=answer.result_desc,
    )
    with runtime.database.begin() as session:
        payment = lock_payment(session, payment_id)
        return apply_result(session, runtime.vault, payment, report, answer.result.say)
