"""Decisions of operators on payments in review. The audit trail keeps the reason and the operator."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from mpesa_service.c2b.arrivals import payer_name
from mpesa_service.c2b.reversed_money import portal_reversal
from mpesa_service.core.apply import apply
from mpesa_service.core.encryption import Encryption
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.counting import counted
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.moves import follow_refunds
from mpesa_service.domain.paid_at import claimed_columns
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import new_id
from mpesa_service.domain.reports import Evidence, Verdict
from mpesa_service.domain.statements import is_only_withdrawn
from mpesa_service.domain.states import PaymentStatus, RefundStatus
from mpesa_service.errors import Conflict, InvalidAmount, InvalidRequest
from mpesa_service.models import C2bConfirmation, Payment, Refund
from mpesa_service.models.load import About, load
from mpesa_service.models.payments import Channel
from mpesa_service.models.statements import lock_payment
from mpesa_service.outflow.actions import Action, Consent
from mpesa_service.outflow.carrying import Extend, as_it_is, carry_out, existing
from mpesa_service.outflow.gate import admit
from mpesa_service.outflow.records import ApprovalRecord
from mpesa_service.payments.lookup import find_payment, show_payment
from mpesa_service.payments.views import PaymentRecord, payment_record
from mpesa_service.refunds.booking import release_refund, settle_refund
from mpesa_service.review.candidates import refuse_to_fail
from mpesa_service.review.decision import OperatorDecision, Resolution
from mpesa_service.review.outflow import refunds_action, settle_action
from mpesa_service.review.proof import check_proof, proven_cents

MAX_REASON = 500


@dataclass(frozen=True)
class ReviewRecord(PaymentRecord):
    """A payment in review, or with a refund in review, and the payer's name from M-Pesa's confirmation."""

    payer_name: str | None = field(default=None, repr=False)


def list_review(runtime: Runtime, limit: int = 100, after: str = "") -> tuple[ReviewRecord, ...]:
    """Return payments that are in review or have a refund in review: oldest first, after an id."""
    waiting_refund = exists().where(Refund.payment_id == Payment.id, Refund.status == RefundStatus.REVIEW)
    statement = (
        select(Payment)
        .where(or_(Payment.status == PaymentStatus.REVIEW, waiting_refund), Payment.id > after)
        .order_by(Payment.id)
        .limit(limit)
    )
    encryption = runtime.encryption
    with runtime.database.read() as session:
        rows = session.scalars(statement).all()
        names = _payer_names(session, encryption, [row.id for row in rows])
        records = [payment_record(session, encryption, row) for row in rows]
    return tuple(ReviewRecord(**vars(record), payer_name=names.get(record.id)) for record in records)


def _payer_names(session: Session, encryption: Encryption, ids: Sequence[str]) -> dict[str, str | None]:
    """Return the names of payers by payment; payments without a confirmation have none."""
    columns = select(C2bConfirmation.payment_id, C2bConfirmation.names_encrypted)
    rows = session.execute(columns.where(C2bConfirmation.payment_id.in_(ids))) if ids else ()
    return {str(payment_id): payer_name(encryption, names) for payment_id, names in rows}


def resolve(
    runtime: Runtime,
    principal: Principal,
    reference: str,
    decision: OperatorDecision,
    consent: Consent | None = None,
) -> PaymentRecord | ApprovalRecord:
    """Carry out an operator's decision on a payment in review, or on its refunds in review.

    If it exceeds a limit of the outflow policy, it waits for a second person.

    A payment in review comes first. If the payment is not in review, the decision is about those of its
    refunds that are. Raises NotFound, Conflict if nothing is in review, or if a refund would fail that an
    unexplained payout of a statement may be, and InvalidRequest without a reason.

    If the decision names another amount, the payment has that amount from now on: refunds and books must
    match the money that really moved. The audit trail keeps both amounts. Raises Conflict if the new amount
    is less than what is refunded or reserved already, or more than was asked for and M-Pesa has not confirmed
    the receipt of that amount; and InvalidAmount above MPESA_TRANSACTION_LIMIT.
    """
    cause = operator_cause(runtime, principal, decision.reason, **(consent.detail if consent else {}))
    if decision.amount is not None and decision.action is Resolution.FAIL:
        raise InvalidRequest("A payment that failed takes no amount.", code="amount_not_settled")
    if decision.amount is not None and decision.amount > runtime.settings.mpesa_transaction_limit:
        raise InvalidAmount(
            f"M-Pesa moves at most {runtime.settings.mpesa_transaction_limit} shillings in one transaction.",
            details={"maximum": runtime.settings.mpesa_transaction_limit},
        )
    with runtime.database.read() as session:
        payment_id = find_payment(session, runtime, principal, reference).id
    about = About(id=payment_id, receipt=decision.receipt)
    waiting: object
    try:
        if decision.action is Resolution.FAIL:
            apply(runtime.database, about, lambda facts: _resolve_payment(runtime, facts, decision, cause))
            waiting = None
        else:
            waiting = _settle_payment(runtime, about, decision, cause, consent)
    except _NotInReview:
        waiting = _resolve_refunds(runtime, payment_id, decision, cause, consent)
    if isinstance(waiting, ApprovalRecord):
        return waiting
    return show_payment(runtime, principal, payment_id)


def _settle_payment(
    runtime: Runtime, about: About, decision: OperatorDecision, cause: Cause, consent: Consent | None
) -> object:
    """Settle a payment in review; return the approval that it waits for, if it does."""
    proven = proven_cents(runtime, decision.receipt)

    def decide(facts: PaymentFacts, extend: Extend = as_it_is) -> Plan:
        plan = _resolve_payment(runtime, facts, decision, cause)
        settled = facts.amount if decision.amount is None else decision.amount
        check_proof(facts.amount, settled, decision.receipt, proven)
        return extend(plan, action_of(facts))

    def action_of(facts: PaymentFacts) -> Action:
        return settle_action(runtime.encryption, facts, decision, cause.actor)

    with runtime.database.reading() as connection:
        facts = existing(load(connection, about))
    decide(facts)
    return carry_out(
        runtime,
        action_of(facts),
        consent,
        lambda extend: apply(runtime.database, about, lambda now: decide(existing(now), extend)),
    )


class _NotInReview(Conflict):
    """The payment itself is not in review. Its refunds may be."""


def operator_cause(runtime: Runtime, principal: Principal, reason: str, **detail: str) -> Cause:
    """Return the cause of an operator's decision; raise InvalidRequest if the reason is empty or too long."""
    if not reason.strip() or len(reason) > MAX_REASON:
        raise InvalidRequest(f"Say why, in at most {MAX_REASON} characters.", code="reason_needed")
    detail = {"reason": reason.strip(), **detail}
    return Cause(principal.subject, runtime.clock(), Evidence.OPERATOR, detail)


def _resolve_payment(
    runtime: Runtime, facts: PaymentFacts | None, decision: OperatorDecision, cause: Cause
) -> Plan:
    if facts is None or facts.status is not PaymentStatus.REVIEW:
        raise _NotInReview
    change = PaymentChange(facts)
    without_order = change.now["channel"] == Channel.C2B and change.now["order_id"] is None
    if without_order and not _may_fail(runtime, facts, decision):
        message = "This money matches no order: match it to one, or return it."
        raise Conflict(message, code="unmatched", details={"_id": facts.id})
    if decision.action is Resolution.FAIL:
        _fail(change, decision, cause)
    else:
        _settle(change, decision, cause)
    return change.plan(Verdict.APPLIED, "an operator decided")


def _may_fail(runtime: Runtime, facts: PaymentFacts, decision: OperatorDecision) -> bool:
    """Return whether unmatched money may fail: it was reversed in the portal, or its statement withdrawn."""
    if decision.action is not Resolution.FAIL or facts.receipt is None:
        return False
    if is_only_withdrawn(facts.payment["failure_reason"]):
        return True
    with runtime.database.reading() as connection:
        return portal_reversal(connection, facts.receipt) is not None


def _fail(change: PaymentChange, decision: OperatorDecision, cause: Cause) -> None:
    if change.now["refunded_amount"] or change.now["refunding_amount"]:
        raise Conflict("This payment has refunds, so it cannot have failed.", code="has_refunds")
    change.set(failure_reason=f"Closed by an operator: {decision.reason.strip()}"[:512])
    change.move("failed_by_operator", cause)


def _settle(change: PaymentChange, decision: OperatorDecision, cause: Cause) -> None:
    if decision.receipt is not None:
        if change.facts.receipt_taken:
            raise Conflict("Another payment has this receipt.", code="receipt_taken")
        change.set(receipt=decision.receipt)
        if decision.receipt == change.now["claimed_receipt"]:
            change.set(**claimed_columns(change.now))
    if decision.amount is not None:
        cause = _take_amount(change, decision.amount, cause)
    change.set(failure_reason=None, mismatch=None)
    change.move("settled_by_operator", cause)
    follow_refunds(change, cause)


def _take_amount(change: PaymentChange, amount: int, cause: Cause) -> Cause:
    """Set the payment's amount to what moved; return the cause, with both amounts if they differ."""
    gone = change.now["refunded_amount"] + change.now["refunding_amount"]
    if amount < gone:
        held = counted(gone, "shilling of this payment is", "shillings of this payment are")
        raise Conflict(
            f"{held} refunded or reserved, so it cannot be of {amount}.",
            code="refunds_exceed_payment",
        )
    if amount == change.now["amount"]:
        return cause
    detail = {**(cause.detail or {}), "requestedAmount": change.now["amount"], "amount": amount}
    change.set(amount=amount)
    return replace(cause, detail=detail)


def _resolve_refunds(
    runtime: Runtime, payment_id: str, decision: OperatorDecision, cause: Cause, consent: Consent | None
) -> ApprovalRecord | None:
    """Decide about the refunds in review; return the approval that it waits for, if it does."""
    if decision.amount is not None:
        raise Conflict("Only a payment in review takes another amount.", code="not_in_review")
    with runtime.database.begin() as session:
        payment = lock_payment(session, payment_id)
        in_review = Refund.payment_id == payment.id, Refund.status == RefundStatus.REVIEW
        rows = session.scalars(select(Refund).where(*in_review).with_for_update()).all()
        if not rows:
            raise Conflict("Nothing of this payment is in review.", code="not_in_review")
        if decision.action is Resolution.FAIL:
            refuse_to_fail(session, [row.id for row in rows])
        action = refunds_action(runtime.encryption, payment, rows, decision, cause.actor)
        waiting = admit(runtime, session, action, new_id(cause.at), consent)
        if waiting is not None:
            return waiting
        for row in rows:
            if decision.action is Resolution.SETTLE:
                settle_refund(session, payment, row, decision.receipt, "refund_settled_by_operator", cause)
            else:
                release_refund(session, payment, row, decision.reason, "refund_failed_by_operator", cause)
    return None
