"""Payments that only a withdrawn statement shows wait for a person, or until a statement shows them again."""

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import select

from mpesa_service.c2b.booking import send_to_review
from mpesa_service.core.apply import apply_to
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import MPESA, Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.moves import follow_refunds
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.reports import Evidence, Verdict
from mpesa_service.domain.statements import ONLY_WITHDRAWN, is_only_withdrawn
from mpesa_service.domain.states import PAID, PaymentStatus
from mpesa_service.models import PaymentEvent
from mpesa_service.models.withdrawn_money import WithdrawnMoney, withdrawn_money
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.window import query, window_of

WHAT_TO_DO = "Look the receipt up in the portal, then settle the payment or let it fail"
EARLIER = "earlierReason"
_SETTLED = """
    SELECT DISTINCT p.id FROM statement_lines l
    JOIN payments p ON p.provider = 'mpesa' AND p.receipt = l.receipt AND p.amount * 100 = l.amount_cents
    WHERE {window} AND l.kind IN ('payment', 'unknown') AND p.status = 'review' AND p.failure_reason LIKE ?
"""


def only_withdrawn(runtime: Runtime, record: StatementRecord) -> Sequence[WithdrawnMoney]:
    """Return the money of a withdrawn statement's lines that nothing else shows."""
    if record.withdrawn_at is None:
        return ()
    with runtime.database.reading() as connection:
        return tuple(withdrawn_money(connection, record.id))


def review_only_withdrawn(runtime: Runtime, principal: Principal, record: StatementRecord) -> None:
    """Send each payment that only a withdrawn statement shows to review. A repeated call does the rest."""
    for money in only_withdrawn(runtime, record):
        if money.payment_id is not None:
            apply_to(runtime.database, money.payment_id, partial(_send, runtime, principal, record))


def _send(runtime: Runtime, principal: Principal, record: StatementRecord, facts: PaymentFacts) -> Plan:
    """Decide on a payment that only a withdrawn statement shows: review. In review it gets a note, once."""
    reason = f"{ONLY_WITHDRAWN} {facts.receipt} (statement {record.id}). {WHAT_TO_DO}"
    earlier = facts.payment["failure_reason"]
    in_review = facts.status is PaymentStatus.REVIEW
    if not (in_review or facts.status in PAID) or (in_review and is_only_withdrawn(earlier)):
        return Plan(Verdict.NOTED, "a person decides about it", facts.id)
    detail: dict[str, object] = {"statementId": record.id, "withdrawalReason": record.withdrawal_reason}
    if in_review:
        detail[EARLIER] = earlier
    change = PaymentChange(facts)
    send_to_review(change, reason, Cause(principal.subject, runtime.clock(), Evidence.OPERATOR, detail))
    return change.plan(Verdict.DISPUTED, reason)


def settle_again(runtime: Runtime, record: StatementRecord, advance: Callable[[str, int], None]) -> None:
    """Settle the payments that wait because a statement was withdrawn, and that this statement shows.

    A payment that was in review before stays there for the earlier reason. `advance` receives each one.
    """
    window = window_of(runtime, record)
    values = (*window.values, f"%{ONLY_WITHDRAWN}%")
    for (payment_id,) in query(runtime, _SETTLED.format(window=window.condition), values):
        apply_to(runtime.database, payment_id, partial(_settle, runtime, record))
        advance("settled", 1)


def _settle(runtime: Runtime, record: StatementRecord, facts: PaymentFacts) -> Plan:
    if facts.status is not PaymentStatus.REVIEW or not is_only_withdrawn(facts.payment["failure_reason"]):
        return Plan(Verdict.NOTED, "a person decided about it", facts.id)
    cause = Cause(MPESA, runtime.clock(), Evidence.STATEMENT, {"statementId": record.id})
    change = PaymentChange(facts)
    earlier = _earlier_reason(runtime, facts.id)
    if earlier is not None:
        change.note("confirmed_again", cause, failure_reason=earlier)
        change.touch(cause.at)
    else:
        change.move("matched", cause, failure_reason=None)
        follow_refunds(change, cause)
    return change.plan(Verdict.APPLIED, "a statement shows it again")


def _earlier_reason(runtime: Runtime, payment_id: str) -> str | None:
    """Return why a payment was in review before its statement was withdrawn; None if it was paid."""
    events = select(PaymentEvent.detail).where(PaymentEvent.payment_id == payment_id)
    with runtime.database.read() as session:
        for detail in session.scalars(events.order_by(PaymentEvent.sequence.desc())):
            if detail and "withdrawalReason" in detail:
                found: str | None = detail.get(EARLIER)
                return found
    return None
