"""Applying news of a refund, whoever brings it: a B2C result, or the answer to a status query."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.decisions import Evidence
from mpesa_service.domain.outcomes import Outcome
from mpesa_service.domain.states import REFUND_OPEN, REFUNDABLE, PaymentStatus, RefundStatus
from mpesa_service.errors import Conflict
from mpesa_service.models import Payment, Refund
from mpesa_service.services import holds
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import MPESA, Cause, hold, move_payment, move_refund, note


@dataclass(frozen=True)
class RefundReport:
    """What M-Pesa says became of a refund, on one of the refund's own addresses."""

    evidence: Evidence
    outcome: Outcome
    result_code: str
    result_desc: str
    reason: str
    amount_differs: bool
    receipt: str | None
    credential_fault: bool = False


def apply_refund_result(
    runtime: Runtime, session: Session, payment: Payment, row: Refund, report: RefundReport
) -> tuple[InboxVerdict, str]:
    """Apply a report to a refund, its payment locked; return the verdict and why."""
    detail = {"resultCode": report.result_code}
    cause = Cause(MPESA, runtime.clock(), report.evidence, detail)
    _mind_credentials(session, report, cause)
    if report.outcome is Outcome.PENDING:
        return InboxVerdict.NOTED, "no verdict yet"
    if row.state not in REFUND_OPEN:
        return _after_the_end(session, payment, row, report, cause)
    row.result_code = report.result_code
    row.result_desc = report.result_desc[:1024]
    objection = _objection(session, row, report)
    if objection is not None:
        row.failure_reason = f"A person must look: M-Pesa's result {objection}."
        move_refund(session, payment, row, "refund_contradicted", cause)
    elif report.outcome is Outcome.PAID:
        settle_refund(session, payment, row, report.receipt, "refund_paid", cause)
    elif report.outcome is Outcome.FAILED:
        release_refund(session, payment, row, report.reason, "refund_declined", cause)
    else:
        row.failure_reason = "A person must look: M-Pesa's answer is not clear."
        move_refund(session, payment, row, "refund_unclear", cause)
    return InboxVerdict.APPLIED, str(report.outcome)


def settle_refund(
    session: Session, payment: Payment, row: Refund, receipt: str | None, edge: str, cause: Cause
) -> None:
    """Book a locked refund as paid: what was reserved is refunded now, and the payment says so.

    Raises Conflict when more would be refunded than was paid.
    """
    hold(payment, row, 0)
    if row.amount > payment.refundable_amount:
        raise Conflict("More would be refunded than was paid.", code="refunds_exceed_payment")
    row.receipt = receipt or row.receipt
    row.failure_reason = None
    payment.refunded_amount += row.amount
    move_refund(session, payment, row, edge, cause)
    whole = payment.refunded_amount == payment.amount
    if payment.state in REFUNDABLE:  # a payment in review stays there: a person decides
        move_payment(session, payment, "refunded_in_whole" if whole else "refunded_in_part", cause)


def release_refund(
    session: Session, payment: Payment, row: Refund, reason: str, edge: str, cause: Cause
) -> None:
    """Book a locked refund as not paid: what was reserved is free again."""
    row.failure_reason = reason[:512]
    hold(payment, row, 0)
    move_refund(session, payment, row, edge, cause)
    if payment.state in {PaymentStatus.REFUNDED, PaymentStatus.PARTIALLY_REFUNDED}:
        _say_less_was_refunded(session, payment, cause)


def _say_less_was_refunded(session: Session, payment: Payment, cause: Cause) -> None:
    """A refund that had counted as paid turned out not to be."""
    if payment.refunded_amount == 0:
        move_payment(session, payment, "refund_undone", cause)
    elif payment.state is PaymentStatus.REFUNDED and payment.refunded_amount < payment.amount:
        move_payment(session, payment, "refund_undone_in_part", cause)


def _objection(session: Session, row: Refund, report: RefundReport) -> str | None:
    """Say in what a result on the refund's own address disagrees with it, if in anything."""
    if report.outcome is not Outcome.PAID:
        return None
    if report.amount_differs:
        return "names another amount"
    if report.receipt is not None and _taken(session, row, report.receipt):
        return "names the receipt of another refund"
    return None


def _taken(session: Session, row: Refund, receipt: str) -> bool:
    statement = select(Refund.id).where(Refund.receipt == receipt, Refund.id != row.id)
    return session.execute(statement).first() is not None


def _mind_credentials(session: Session, report: RefundReport, cause: Cause) -> None:
    """Every further try with a refused initiator brings the lock of the API user nearer."""
    if report.credential_fault:
        why = f"M-Pesa refuses the initiator ({report.result_code}: {report.result_desc})"
        holds.stop(session, holds.REFUNDS, why, cause.at)


def _after_the_end(
    session: Session, payment: Payment, row: Refund, report: RefundReport, cause: Cause
) -> tuple[InboxVerdict, str]:
    """A second result: the same again changes nothing; the contrary needs a person."""
    paid = report.outcome is Outcome.PAID
    if row.state is RefundStatus.REVIEW:
        row.receipt = row.receipt or (report.receipt if paid else None)
        note(session, payment, "refund_reported", cause, row)
        return InboxVerdict.NOTED, f"{report.outcome}; a person decides"
    if paid == (row.state is RefundStatus.SUCCEEDED):
        return InboxVerdict.DUPLICATE, "says what is already known"
    if paid:  # it had been given back: hold again what is still free, so that nobody refunds it twice
        hold(payment, row, min(row.amount, payment.refundable_amount))
    else:  # it had counted as paid: that is not certain any more
        payment.refunded_amount -= row.amount
        hold(payment, row, row.amount)
    row.failure_reason = "A person must look: M-Pesa has said both that it paid and that it did not."
    move_refund(session, payment, row, "refund_contradicted", cause)
    return InboxVerdict.DISPUTED, "contradicts the first result"
