"""Sends what a statement contradicts to review, where a person decides. No value is overwritten."""

from collections.abc import Callable
from functools import partial

from mpesa_service.c2b.booking import send_to_review
from mpesa_service.core.apply import apply_to
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import MPESA, Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.money import shillings
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.portal_reversals import reversed_reason
from mpesa_service.domain.reports import Evidence, Verdict
from mpesa_service.domain.statements import LineKind
from mpesa_service.statements.contradicted import review_command
from mpesa_service.statements.matching import START, Found, Outcome, lines_with
from mpesa_service.statements.outcomes import REVIEWED, mark_lines, reviewed_before
from mpesa_service.statements.records import StatementRecord

PAGE = 500


def review_differing(runtime: Runtime, record: StatementRecord, advance: Callable[[str, int], None]) -> None:
    """Send each payment, refund and payout that differs in amount, direction or status to review.

    The same for a payment that was reversed. `advance` receives each one. The same money does so once,
    whichever files have it: what a person decided about it stays.
    """
    after = START
    while found := lines_with(runtime, record, Outcome.DIFFERS, limit=PAGE, after=after):
        known = reviewed_before(runtime, found)
        for line in found:
            if line.kind != LineKind.REVERSAL and (line.receipt, line.cents) in known:
                mark_lines(runtime, [line], REVIEWED)
            elif _review(runtime, line):
                mark_lines(runtime, [line], REVIEWED)
                advance("reviewed", 1)
        after = (found[-1].statement_id, found[-1].row)


def _review(runtime: Runtime, line: Found) -> bool:
    """Send what has the receipt of a line to review; return whether it went."""
    if line.refund_id is not None or line.payout_id is not None:
        return review_command(runtime, line)
    if line.payment_id is None:
        return False
    apply_to(runtime.database, line.payment_id, partial(_contradict, runtime, line))
    return True


def _contradict(runtime: Runtime, line: Found, facts: PaymentFacts) -> Plan:
    """Decide on a payment that a line contradicts: review, with the reason. In review it gets a note."""
    if line.kind == LineKind.REVERSAL:
        reason = reversed_reason(line.receipt, line.cents)
    else:
        reason = _difference(line, facts)
    cause = Cause(MPESA, runtime.clock(), Evidence.STATEMENT, {"statementCents": line.cents})
    change = PaymentChange(facts)
    send_to_review(change, reason, cause)
    return change.plan(Verdict.DISPUTED, reason)


def _difference(line: Found, facts: PaymentFacts) -> str:
    return (
        f"M-Pesa's statement shows {shillings(line.cents)} for its receipt {line.receipt}, and the record"
        f" {shillings(facts.amount * 100)} ({facts.status})"
    )
