"""Decides what a report changes: `apply_report` and `apply_query` put every consequence into a PaymentChange.

`PaymentChange.plan` returns the consequences as data.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from mpesa_service.domain.audit import MPESA, SERVICE, Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.decisions import NEGATIVE_RESULT_INTERVAL, judge
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.paid_at import claimed_columns, ignored_detail, ignored_line, judge_time
from mpesa_service.domain.reports import Decision, Evidence, Mismatch, Note, Outcome, PaymentReport, Verdict
from mpesa_service.domain.schedule import CHECK_AFTER, CHECK_INTERVAL_LIMIT, UNRESOLVED_AFTER, next_check
from mpesa_service.domain.states import OPEN, PAID, PAYMENT_TRANSITIONS, UNPAID, PaymentStatus

NO_OUTCOME_REPORTED = "Needs manual review: M-Pesa never reported the outcome of this payment."
MISMATCH_UNRESOLVED = "Needs manual review: a mismatch that M-Pesa has not resolved."


def apply_report(change: PaymentChange, report: PaymentReport) -> Decision:
    """Judge a report and apply the decision to the working copy; return it. The facts do not change."""
    decision = judge(change.facts, report)
    if change.facts.portal_reversal is not None:
        decision = _if_reversed(change, report, decision)
    time = judge_time(change.facts.payment, report, decision)
    columns = _remember(report, decision) | time.columns
    detail = {"resultCode": report.result_code, "reason": decision.reason}
    if time.ignored is not None:
        detail |= ignored_detail(time.ignored)
        change.log.append(ignored_line(change.facts.id, time.ignored))
    cause = Cause(MPESA, report.at, report.evidence, detail)
    if decision.edge is not None:
        _move(change, report, decision, cause, columns)
        change.lock_order_again(report.at)
    elif decision.note or decision.mismatch is not None or decision.store_receipt:
        change.note(str(decision.note or decision.verdict), cause, **columns)
        change.raise_evidence(report.evidence if time.is_own_money else None)
    elif time.is_own_money:
        change.support(cause, **columns)
    else:
        change.set(**columns)
    if decision.query_daraja:  # after the move, because a final status ends the schedule
        change.set(**_check_soon(change, report))
    return decision


def _if_reversed(change: PaymentChange, report: PaymentReport, decision: Decision) -> Decision:
    """Send a payment to review whose money is only named now, and was reversed in the portal before."""
    facts, undone = change.facts, change.facts.portal_reversal
    if undone is None or report.outcome is not Outcome.PAID or facts.receipt is not None:
        return decision
    claimed = decision.edge is not None and report.receipt is None and not facts.claimed_receipt_taken
    if decision.verdict is not Verdict.APPLIED or not (decision.store_receipt or claimed):
        return decision
    change.updates.append(undone.marked)
    decision = replace(decision, reason=undone.reason, query_daraja=False)
    if facts.status is PaymentStatus.REVIEW:
        change.set(failure_reason=f"Needs manual review: {undone.reason}."[:512])
        return replace(decision, edge=None, note=Note.DISPUTED)
    return replace(decision, edge="contradicted")


def _remember(report: PaymentReport, decision: Decision) -> dict[str, Any]:
    """Return the columns that a decision changes besides the status."""
    columns: dict[str, Any] = {}
    if decision.mismatch_resolved:
        columns["mismatch"] = None
    if decision.mismatch is not None:
        columns["mismatch"] = decision.mismatch
    if decision.negative_result is not None:
        columns["negative_result_code"] = decision.negative_result.result_code
        columns["negative_result_at"] = decision.negative_result.at
    if decision.store_receipt:  # A disputed receipt is only a claim until Daraja is queried.
        claimed = decision.verdict is Verdict.DISPUTED
        columns["claimed_receipt" if claimed else "receipt"] = report.receipt
    if decision.nothing_to_query:
        columns["next_check_at"] = None
    return columns


def _check_soon(change: PaymentChange, report: PaymentReport) -> dict[str, Any]:
    """Schedule a query: at once for a claim, some time later after a first negative query result."""
    if report.evidence is Evidence.QUERY:
        return {"next_check_at": report.at + NEGATIVE_RESULT_INTERVAL}
    return _check_at_once(change, report.at)


def _check_at_once(change: PaymentChange, at: datetime) -> dict[str, Any]:
    earliest = (change.now["last_checked_at"] or at - CHECK_INTERVAL_LIMIT) + CHECK_INTERVAL_LIMIT
    columns = {"next_check_at": max(at, earliest)}
    if change.status in OPEN:
        return columns
    # A report after the final status has a schedule of its own.
    return {**columns, "checks_since": at, "check_attempts": 0}


def apply_unread(change: PaymentChange, at: datetime) -> None:
    """A callback on the payment's own address cannot be read: query Daraja, unless the payment is paid."""
    if change.status in OPEN | UNPAID and change.now["checkout_id_hash"] is not None:
        change.set(**_check_at_once(change, at))


def _move(
    change: PaymentChange, report: PaymentReport, decision: Decision, cause: Cause, columns: dict[str, Any]
) -> None:
    edge = str(decision.edge)
    after = PAYMENT_TRANSITIONS.target(edge, change.facts.status)
    columns |= {"result_code": report.result_code, "result_desc": report.result_desc[:1024]}
    if after in PAID:
        columns |= {"negative_result_code": None, "negative_result_at": None}
    if after in PAID | {PaymentStatus.REVIEW} and columns.get("receipt", change.facts.receipt) is None:
        columns |= _adopted_receipt(change.facts)
    columns["failure_reason"] = None if after in PAID else _why(after, decision, report.reason)
    change.move(edge, cause, **columns)


def _adopted_receipt(facts: PaymentFacts) -> dict[str, Any]:
    """Daraja reports that money moved, so the receipt that a trusted claim named is the payment's own."""
    claimed = facts.payment["claimed_receipt"]
    if claimed is None or facts.claimed_receipt_taken:
        return {}
    return {"receipt": claimed, **claimed_columns(facts.payment)}


def _why(after: PaymentStatus, decision: Decision, reason: str | None) -> str | None:
    if after is PaymentStatus.REVIEW:
        return f"Needs manual review: {decision.reason}."[:512]
    return reason[:512] if reason else None


def plan_next_check(change: PaymentChange, now: datetime, jitter: float) -> None:
    """Set the time of the next query; None if the schedule is used up."""
    start = change.now["checks_since"] or change.now["created_at"]
    # Daraja knows no id of this payment: a callback or a person decides.
    if change.now["checkout_id_hash"] is None:
        over = start + UNRESOLVED_AFTER
        change.set(next_check_at=over if over > now else None)
    else:
        change.set(next_check_at=next_check(CHECK_AFTER, start, change.now["check_attempts"], now, jitter))


def no_information(change: PaymentChange, now: datetime, jitter: float) -> None:
    """The outcome is unknown: wait as the schedule says. When the schedule is used up, a person decides."""
    cause = Cause(SERVICE, now)
    expires = change.now["prompt_expires_at"]
    if change.status is PaymentStatus.PENDING and expires is not None and expires <= now:
        change.move("timed_out", cause)
    plan_next_check(change, now, jitter)
    if change.now["next_check_at"] is not None:
        return
    if change.status in {PaymentStatus.PENDING, PaymentStatus.UNKNOWN}:
        change.set(failure_reason=NO_OUTCOME_REPORTED)
        change.move("unresolved", cause)
    elif _is_contested(change):
        change.set(failure_reason=MISMATCH_UNRESOLVED)
        change.move("contradicted", cause)


def _is_contested(change: PaymentChange) -> bool:
    """A trusted claim differs from the settled record, and Daraja has not confirmed either of them."""
    if change.status in UNPAID:
        incomplete = change.now["mismatch"] == Mismatch.INCOMPLETE
        return incomplete or change.now["claimed_receipt"] is not None
    return change.status in PAID and change.now["mismatch"] is not None


def apply_query(
    change: PaymentChange, report: PaymentReport | None, *, scheduled: bool, now: datetime, jitter: float
) -> Decision | None:
    """Apply the result of a query to Daraja; return None if it has no effect.

    `scheduled`: the query was a step of the schedule, not only a reader's request.
    """
    if report is None or report.outcome is Outcome.PENDING:
        if scheduled:
            no_information(change, now, jitter)
        return None
    if scheduled:
        plan_next_check(change, now, jitter)
    return apply_report(change, report)
