"""Sends payments that a statement contradicts to review, where a person decides. Nothing is overwritten."""

from collections.abc import Callable
from functools import partial

from mpesa_service.core.apply import apply_to
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import MPESA, Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.reports import Evidence, Verdict
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.statements.balances import shillings
from mpesa_service.statements.matching import START, Found, Outcome, lines_with
from mpesa_service.statements.outcomes import mark_lines
from mpesa_service.statements.records import StatementRecord

PAGE = 500


def review_differing(runtime: Runtime, record: StatementRecord, advance: Callable[[str, int], None]) -> None:
    """Send each payment whose amount, direction or status differs to review. `advance` receives each one.

    A line does so once: what a person decided about it stays.
    """
    after = START
    while found := lines_with(runtime, record, Outcome.DIFFERS, limit=PAGE, after=after):
        for line in found:
            if line.payment_id is not None:
                apply_to(runtime.database, line.payment_id, partial(_contradict, runtime, line))
                mark_lines(runtime, [line], "reviewed")
                advance("reviewed", 1)
        after = (found[-1].statement_id, found[-1].row)


def _contradict(runtime: Runtime, line: Found, facts: PaymentFacts) -> Plan:
    """Decide on a payment that a line contradicts: review, with the reason. In review it gets a note."""
    reason = (
        f"M-Pesa's statement shows {shillings(line.cents)} for its receipt {line.receipt}, and the record"
        f" {shillings(facts.amount * 100)} ({facts.status})"
    )
    detail = {"reason": reason, "statementCents": line.cents}
    cause = Cause(MPESA, runtime.clock(), Evidence.STATEMENT, detail)
    change = PaymentChange(facts)
    if facts.status is PaymentStatus.REVIEW:
        change.note("disputed", cause)
    else:
        change.move("contradicted", cause, failure_reason=f"Needs manual review: {reason}."[:512])
    return change.plan(Verdict.DISPUTED, reason)
