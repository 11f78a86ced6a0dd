"""The way out of `review`: a person decides, with a reason, and the audit trail says who and why."""

from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from mpesa_service.domain.decisions import Evidence
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import normal_receipt
from mpesa_service.domain.states import PaymentStatus, RefundStatus
from mpesa_service.errors import Conflict, InvalidRequest
from mpesa_service.models import Payment, Refund
from mpesa_service.models.payments import Channel
from mpesa_service.models.statements import lock_payment
from mpesa_service.services.lookups import find_payment
from mpesa_service.services.records import PaymentRecord, payment_record
from mpesa_service.services.refund_books import release_refund, settle_refund
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import Cause, move_payment

MAX_REASON = 500


class Resolution(StrEnum):
    """What the person found out: the money arrived, or it did not."""

    SETTLE = "settle"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """A person's decision, why, and the receipt that proves it, if there is one.

    `amount` is what M-Pesa's statement says that the customer paid, where that is not what was asked.
    """

    resolution: Resolution
    reason: str
    receipt: str | None = None
    amount: int | None = None

    def __post_init__(self) -> None:
        if self.receipt is not None:
            object.__setattr__(self, "receipt", normal_receipt(self.receipt))


def list_review(runtime: Runtime, limit: int = 100, after: str = "") -> tuple[PaymentRecord, ...]:
    """Return payments that wait for a person, or have a refund that does: oldest first, after an id."""
    waiting_refund = exists().where(Refund.payment_id == Payment.id, Refund.status == RefundStatus.REVIEW)
    statement = (
        select(Payment)
        .where(or_(Payment.status == PaymentStatus.REVIEW, waiting_refund), Payment.id > after)
        .order_by(Payment.id)
        .limit(limit)
    )
    with runtime.database.read() as session:
        return tuple(
            payment_record(session, runtime.vault, payment) for payment in session.scalars(statement)
        )


def resolve(runtime: Runtime, principal: Principal, reference: str, finding: Finding) -> PaymentRecord:
    """Carry out a person's decision on a payment in review, or on its refunds in review.

    A payment's own review comes first; where the payment is not in review, the decision is about its
    refunds that are. Raises NotFound, Conflict when nothing is in review, InvalidRequest without a reason.

    Settled with another amount, the payment is of that amount from then on: what really moved is what
    refunds and books must go by. The audit trail keeps both. Raises Conflict when less is said to have
    been paid than is refunded or reserved already.
    """
    reason = check_reason(finding)
    if finding.amount is not None and finding.resolution is Resolution.FAIL:
        raise InvalidRequest("What did not arrive has no amount.", code="amount_not_settled")
    cause = Cause(principal.subject, runtime.clock(), Evidence.OPERATOR, {"reason": reason})
    with runtime.database.begin() as session:
        found = find_payment(session, runtime, principal, reference)
        payment = lock_payment(session, found.id)
        if payment.state is PaymentStatus.REVIEW:
            _resolve_payment(session, payment, finding, cause)
        else:
            _resolve_refunds(session, payment, finding, cause)
        session.flush()
        return payment_record(session, runtime.vault, payment)


def check_reason(finding: Finding) -> str:
    """Return a decision's reason, the blanks around it dropped; raise InvalidRequest without one."""
    reason = finding.reason.strip()
    if not reason or len(finding.reason) > MAX_REASON:
        raise InvalidRequest(f"Say why, in at most {MAX_REASON} characters.", code="reason_needed")
    return reason


def _resolve_payment(session: Session, payment: Payment, finding: Finding, cause: Cause) -> None:
    if payment.channel == Channel.C2B:
        raise Conflict(
            "This money arrived, and fits no order: match it to one, or send it back.", code="unmatched"
        )
    if finding.resolution is Resolution.FAIL:
        if payment.refunded_amount or payment.refunding_amount:
            raise Conflict(
                "Money was paid back on this payment, so it cannot have failed.", code="has_refunds"
            )
        payment.failure_reason = f"Closed by a person: {finding.reason.strip()}"[:512]
        move_payment(session, payment, "failed_by_operator", cause)
        return
    if finding.receipt is not None:
        _take_receipt(session, payment, finding.receipt)
    if finding.amount is not None:
        cause = _take_amount(payment, finding.amount, cause)
    payment.failure_reason = payment.contradiction = None
    move_payment(session, payment, "settled_by_operator", cause)
    if payment.refunded_amount:
        whole = payment.refunded_amount == payment.amount
        move_payment(session, payment, "refunded_in_whole" if whole else "refunded_in_part", cause)


def _take_amount(payment: Payment, amount: int, cause: Cause) -> Cause:
    """Let the payment be of what really moved; return the cause with both amounts, if they differ."""
    gone = payment.refunded_amount + payment.refunding_amount
    if amount < gone:
        raise Conflict(
            f"{gone} shillings of this payment are refunded or reserved, so more than {amount} came in.",
            code="refunds_exceed_payment",
        )
    if amount == payment.amount:
        return cause
    detail = {**(cause.detail or {}), "requestedAmount": payment.amount, "amount": amount}
    payment.amount = amount
    return replace(cause, detail=detail)


def _take_receipt(session: Session, payment: Payment, receipt: str) -> None:
    statement = select(Payment.id).where(Payment.receipt == receipt, Payment.id != payment.id)
    if session.execute(statement).first() is not None:
        raise Conflict("Another payment has this receipt.", code="receipt_taken")
    payment.receipt = receipt


def _resolve_refunds(session: Session, payment: Payment, finding: Finding, cause: Cause) -> None:
    if finding.amount is not None:
        raise Conflict("Only a payment in review takes another amount.", code="not_in_review")
    statement = select(Refund).where(Refund.payment_id == payment.id, Refund.status == RefundStatus.REVIEW)
    rows = session.scalars(statement.with_for_update()).all()
    if not rows:
        raise Conflict("Nothing of this payment is in review.", code="not_in_review")
    for row in rows:
        if finding.resolution is Resolution.SETTLE:
            settle_refund(session, payment, row, finding.receipt, "refund_settled_by_operator", cause)
        else:
            release_refund(session, payment, row, finding.reason, "refund_failed_by_operator", cause)
