"""From a report to a plan: `decide` judges the report and writes down every consequence as data."""

from datetime import datetime

from mpesa_service.domain.audit import MPESA, SERVICE, Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.decisions import NEGATIVE_RESULT_INTERVAL, judge
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.outcomes import Outcome
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.reports import Decision, Evidence, PaymentReport
from mpesa_service.domain.schedule import ASK_AFTER, ASK_AT_MOST_EVERY, GIVE_UP_AFTER, next_ask
from mpesa_service.domain.states import OPEN, PAID, PAYMENT_TRANSITIONS, UNPAID, PaymentStatus

NEVER_SAID = "A person must look: M-Pesa never said what became of this payment."
NOT_CLEARED_UP = "A person must look: a contradiction that M-Pesa has not cleared up."


def decide(facts: PaymentFacts, report: PaymentReport) -> Plan:
    """Return what `report` leads to. Pure: it reads nothing but its arguments and changes nothing."""
    change = PaymentChange(facts)
    decision = apply_report(change, report)
    return change.plan(decision.verdict, decision.reason)


def apply_report(change: PaymentChange, report: PaymentReport) -> Decision:
    """Judge a report and carry the decision out on the working copy; return the decision."""
    decision = judge(change.facts, report)
    _remember(change, report, decision)
    if decision.edge is not None:
        _move(change, report, decision)
        change.take_order_back(report.at)
    elif decision.note or decision.mismatch is not None or decision.learn_receipt:
        change.note(str(decision.note or decision.verdict), _cause(report, decision))
    return decision


def _remember(change: PaymentChange, report: PaymentReport, decision: Decision) -> None:
    if decision.mismatch_resolved:
        change.set(contradiction=None)
    if decision.mismatch is not None:
        change.set(contradiction=decision.mismatch)
    if decision.negative_result is not None:
        change.set(denial_code=decision.negative_result.result_code, denial_at=decision.negative_result.at)
    if decision.claims_receipt:
        change.set(claimed_receipt=report.receipt)
    elif decision.learn_receipt:
        change.set(receipt=report.receipt)
    if decision.nothing_to_ask:
        change.set(ask_at=None)
    if decision.ask_daraja:
        _ask_soon(change, report)


def _ask_soon(change: PaymentChange, report: PaymentReport) -> None:
    """Ask Daraja: at once about a claim, a good while later after a first negative result."""
    if report.evidence is Evidence.QUERY:
        change.set(ask_at=report.at + NEGATIVE_RESULT_INTERVAL)
        return
    rested = (change.now["asked_at"] or report.at - ASK_AT_MOST_EVERY) + ASK_AT_MOST_EVERY
    change.set(ask_at=max(report.at, rested))
    if change.status not in OPEN:  # what came after the end has a schedule of its own
        change.set(ask_from=report.at, asks_made=0)


def _move(change: PaymentChange, report: PaymentReport, decision: Decision) -> None:
    change.set(result_code=report.result_code, result_desc=report.result_desc[:1024])
    edge = str(decision.edge)
    after = PAYMENT_TRANSITIONS.target(edge, change.status)
    if after in PAID:
        change.set(denial_code=None, denial_at=None)
    if after in PAID | {PaymentStatus.REVIEW} and change.now["receipt"] is None:
        _adopt_claimed_receipt(change)
    change.set(failure_reason=None if after in PAID else _why(after, decision, report.reason))
    change.move(edge, _cause(report, decision))


def _adopt_claimed_receipt(change: PaymentChange) -> None:
    """Daraja says that money moved, so the receipt that a trusted claim named is the payment's own."""
    claimed = change.facts.payment["claimed_receipt"]
    if claimed is not None and not change.facts.claimed_receipt_taken:
        change.set(receipt=claimed)


def _why(after: PaymentStatus, decision: Decision, reason: str | None) -> str | None:
    if after is PaymentStatus.REVIEW:
        return f"A person must look: {decision.reason}."[:512]
    return reason[:512] if reason else None


def _cause(report: PaymentReport, decision: Decision) -> Cause:
    detail = {"resultCode": report.result_code, "reason": decision.reason}
    return Cause(MPESA, report.at, report.evidence, detail)


def plan_next_check(change: PaymentChange, now: datetime, jitter: float) -> None:
    """Set when Daraja is asked next; None when the schedule is used up."""
    start = change.now["ask_from"] or change.now["created_at"]
    if change.now["checkout_id_hash"] is None:  # Daraja knows no id of it: a callback or a person decides
        over = start + GIVE_UP_AFTER
        change.set(ask_at=over if over > now else None)
    else:
        change.set(ask_at=next_ask(ASK_AFTER, start, change.now["asks_made"], now, jitter))


def no_information(change: PaymentChange, now: datetime, jitter: float) -> None:
    """Nobody knows the outcome yet: wait as the schedule says. When it is used up, a person decides."""
    cause = Cause(SERVICE, now)
    expires = change.now["prompt_expires_at"]
    if change.status is PaymentStatus.PENDING and expires is not None and expires <= now:
        change.move("fell_silent", cause)
    plan_next_check(change, now, jitter)
    if change.now["ask_at"] is not None:
        return
    if change.status in {PaymentStatus.PENDING, PaymentStatus.UNKNOWN}:
        change.set(failure_reason=NEVER_SAID)
        change.move("gave_up", cause)
    elif _is_contested(change):
        change.set(failure_reason=NOT_CLEARED_UP)
        change.move("contradicted", cause)


def _is_contested(change: PaymentChange) -> bool:
    """A trusted claim differs from the settled record, and Daraja has not said which of the two is right."""
    if change.status in UNPAID:
        return change.now["claimed_receipt"] is not None
    return change.status in PAID and change.now["contradiction"] is not None


def apply_query(
    change: PaymentChange, report: PaymentReport | None, *, scheduled: bool, now: datetime, jitter: float
) -> Decision | None:
    """Carry out what Daraja's answer to a query means; None if it means nothing.

    `scheduled`: the query was a step of the schedule, not only a reader's.
    """
    if report is None or report.outcome is Outcome.PENDING:
        if scheduled:
            no_information(change, now, jitter)
        return None
    if scheduled:
        plan_next_check(change, now, jitter)
    return apply_report(change, report)
