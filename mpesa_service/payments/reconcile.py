"""Queries Daraja about open payments. The answer takes the same path as a callback.

`next_check_at` is the time at which a payment is due. A process that claims payments moves it ahead by the
length of a lease before it queries Daraja. So two processes never query at once, and if one is killed, its
payments are due again within 90 seconds.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

from mpesa_service.core.apply import apply_to
from mpesa_service.core.log_context import about
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import DarajaError, StkQueryAnswer
from mpesa_service.domain.audit import SERVICE, Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.planning import apply_query
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.reports import Decision, Evidence, PaymentReport, Verdict
from mpesa_service.domain.schedule import CHECK_INTERVAL_LIMIT
from mpesa_service.domain.states import OPEN, PaymentStatus
from mpesa_service.models import Payment
from mpesa_service.models.statements import lock_payment
from mpesa_service.payments import due
from mpesa_service.payments.due import Lease

log = logging.getLogger(__name__)


def is_due(payment: Payment, now: datetime) -> bool:
    """Return whether a reader's request for this payment is a reason to query Daraja first."""
    if payment.state is PaymentStatus.SUBMITTING:
        return payment.next_check_at is not None and payment.next_check_at <= now
    if payment.checkout_id_hash is None:
        return False
    allowed = now - (payment.last_checked_at or payment.created_at) >= CHECK_INTERVAL_LIMIT
    claimed = payment.next_check_at is not None and payment.next_check_at <= now
    return allowed and (payment.state in OPEN or claimed)


def check(runtime: Runtime, payment_id: str) -> Decision | None:
    """Query Daraja about one payment if it is due, and apply the answer; return None if there was no answer.

    At most one query per payment in ten seconds, however many processes want one. An errorCode, a
    time-out or "still processing" is no information and changes only the next due time.
    """
    now = runtime.clock()
    with runtime.database.begin() as session:
        payment = lock_payment(session, payment_id)
        lease = due.claim_one(runtime, session, payment, now) if is_due(payment, now) else None
    return _check(runtime, lease) if lease else None


def check_due(runtime: Runtime, limit: int = 200) -> int:
    """Query Daraja about due payments while the rate limiter allows; return how many were handled.

    The payment that is due longest comes first. Payments that Daraja cannot be queried about need no token
    of the rate limiter, so they come before all others. A payment whose answer cannot be applied is logged
    and tried again by its schedule; it delays no other payment. At the end of its schedule it needs manual
    review.
    """
    done, batch = 0, due.BATCH
    for claim in (due.claim_unqueryable, due.claim_queryable):
        while done < limit and (claimed := claim(runtime, min(batch, limit - done))):
            queried = _check_each(runtime, claimed)
            if queried < len(claimed):  # Daraja is slow: claim no more than it answers in time.
                batch = queried
            done += queried
    return done


def _check_each(runtime: Runtime, claimed: Sequence[Lease]) -> int:
    """Query Daraja about the payments one by one; release those that are too late. Return how many began."""
    for number, lease in enumerate(claimed):
        if number and lease.is_too_late(runtime.clock()):
            due.release(runtime, claimed[number:])
            return number
        try:
            _check(runtime, lease)
        except Exception:  # A fault in this payment must not delay the others.
            log.exception("could not query a payment", extra={"payment_id": lease.payment_id})
    return len(claimed)


def _check(runtime: Runtime, lease: Lease) -> Decision | None:
    started_at = runtime.clock()
    answer = _query(runtime, lease)
    decisions: list[Decision | None] = []

    def decide(facts: PaymentFacts) -> Plan:
        change = PaymentChange(facts)
        if lease.checkout_id_encrypted is not None and lease.scheduled:
            change.set(last_checked_at=started_at)
        elif change.status is PaymentStatus.SUBMITTING:
            change.move("push_unanswered", Cause(SERVICE, started_at))
        report = None if answer is None else _report(answer, runtime.clock())
        decision = apply_query(
            change, report, scheduled=lease.scheduled, now=runtime.clock(), jitter=runtime.jitter()
        )
        decisions.append(decision)
        if decision is None:
            return change.plan(Verdict.NOTED, "no information")
        return change.plan(decision.verdict, decision.reason)

    apply_to(runtime.database, lease.payment_id, decide)
    return decisions[-1]


def _report(answer: StkQueryAnswer, at: datetime) -> PaymentReport | None:
    if answer.result is None:
        return None
    return PaymentReport(
        evidence=Evidence.QUERY,
        outcome=answer.result.outcome,
        at=at,
        result_code=answer.result.code,
        result_desc=answer.result_desc,
        reason=answer.result.say,
    )


def _query(runtime: Runtime, lease: Lease) -> StkQueryAnswer | None:
    if lease.checkout_id_encrypted is None:
        return None
    checkout_id = runtime.encryption.decrypt(lease.checkout_id_encrypted)
    try:
        with about(payment_id=lease.payment_id):
            return runtime.daraja.stk_query(checkout_id)
    except DarajaError as error:
        log.info("no information", extra={"payment_id": lease.payment_id, "reason": str(error)})
        return None
