"""Applying M-Pesa's result of a refund, and its time-out, which is not a failure."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.daraja import CommandResult, UnreadableCallback, parse_command_result
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.decisions import Evidence
from mpesa_service.domain.money import whole_shillings
from mpesa_service.domain.outcomes import Outcome
from mpesa_service.domain.states import REFUND_OPEN, REFUNDABLE, RefundStatus
from mpesa_service.models import Payment, Refund
from mpesa_service.models.statements import lock_payment, lock_refund_where
from mpesa_service.services import holds
from mpesa_service.services.handled import Handled
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import MPESA, Cause, move_payment, move_refund, note


def handle_b2c_result(runtime: Runtime, session: Session, token: str | None, body: bytes) -> Handled:
    """Apply a B2C result that arrived on a refund's own result address."""
    try:
        result = parse_command_result(body)
    except UnreadableCallback as error:
        return Handled(InboxVerdict.UNREADABLE, str(error))
    row = lock_refund_where(session, result_token_hash=token) if token else None
    if row is None:
        return Handled(InboxVerdict.UNMATCHED, "no refund has this result address")
    payment = lock_payment(session, row.payment_id)
    verdict, reason = _apply(runtime, session, payment, row, result)
    return Handled(verdict, reason, payment.id, row.id)


def handle_b2c_timeout(runtime: Runtime, session: Session, token: str | None, _body: bytes) -> Handled:
    """M-Pesa's queue timed out: whether the money moved is unknown, and stays reserved.

    The body is the original request (reported, not documented), so nothing in it is news.
    """
    row = lock_refund_where(session, timeout_token_hash=token) if token else None
    if row is None:
        return Handled(InboxVerdict.UNMATCHED, "no refund has this time-out address")
    payment = lock_payment(session, row.payment_id)
    if row.state not in {RefundStatus.SUBMITTING, RefundStatus.PENDING}:
        return Handled(InboxVerdict.NOTED, f"time-out after {row.status}", payment.id, row.id)
    cause = Cause(MPESA, runtime.clock(), Evidence.CALLBACK)
    move_refund(session, payment, row, "refund_timed_out", cause)
    return Handled(InboxVerdict.APPLIED, "timed out in M-Pesa's queue", payment.id, row.id)


def _apply(
    runtime: Runtime, session: Session, payment: Payment, row: Refund, result: CommandResult
) -> tuple[InboxVerdict, str]:
    detail = {"resultCode": result.result.code}
    cause = Cause(MPESA, runtime.clock(), Evidence.CALLBACK, detail)
    if not _names_ours(row, result):
        note(session, payment, "refund_disputed", cause, row)
        return InboxVerdict.DISPUTED, "names other ids than the refund's"
    if row.state not in REFUND_OPEN:
        return _after_the_end(session, payment, row, result, cause)
    row.conversation_id = row.conversation_id or result.conversation_id
    row.result_code = result.result.code
    row.result_desc = result.result_desc[:1024]
    outcome = result.result.outcome
    objection = _objection(session, row, result)
    if objection is not None:
        row.failure_reason = f"A person must look: M-Pesa's result {objection}."
        move_refund(session, payment, row, "refund_contradicted", cause)
    elif outcome is Outcome.PAID:
        _paid(session, payment, row, result, cause)
    elif outcome is Outcome.FAILED:
        row.failure_reason = result.result.say[:512]
        payment.refunding_amount -= row.amount
        move_refund(session, payment, row, "refund_declined", cause)
        if result.result.credential_fault:
            # Every further try brings the lock of the API user nearer.
            why = f"M-Pesa refuses the initiator ({result.result.code}: {result.result.meaning})"
            holds.stop(session, holds.REFUNDS, why, cause.at)
    else:
        row.failure_reason = "A person must look: M-Pesa's answer is not clear."
        move_refund(session, payment, row, "refund_unclear", cause)
    return InboxVerdict.APPLIED, str(outcome)


def _names_ours(row: Refund, result: CommandResult) -> bool:
    """Tell whether a result names this refund. One id must be ours, once Daraja has given us its own.

    Documentation shows results under Daraja's own OriginatorConversationID, production has been seen
    to echo ours, and a result may come before the answer that tells us Daraja's.
    """
    known = {row.originator_conversation_id, row.conversation_id}
    named = {result.originator_conversation_id, result.conversation_id}
    return row.conversation_id is None or bool(known & named)


def _objection(session: Session, row: Refund, result: CommandResult) -> str | None:
    """Say in what a result on the refund's own address disagrees with it, if in anything."""
    if result.result.outcome is not Outcome.PAID:
        return None
    if result.amount is not None and whole_shillings(result.amount) != row.amount:
        return f"pays {result.amount} where {row.amount} was asked"
    if result.receipt is not None and _taken(session, row, result.receipt):
        return "names the receipt of another refund"
    return None


def _taken(session: Session, row: Refund, receipt: str) -> bool:
    statement = select(Refund.id).where(Refund.receipt == receipt, Refund.id != row.id)
    return session.execute(statement).first() is not None


def _paid(session: Session, payment: Payment, row: Refund, result: CommandResult, cause: Cause) -> None:
    row.receipt = result.receipt
    payment.refunding_amount -= row.amount
    payment.refunded_amount += row.amount
    move_refund(session, payment, row, "refund_paid", cause)
    whole = payment.refunded_amount == payment.amount
    edge = "refunded_in_whole" if whole else "refunded_in_part"
    if payment.state in REFUNDABLE:  # a payment in review stays there: a person decides
        move_payment(session, payment, edge, cause)


def _after_the_end(
    session: Session, payment: Payment, row: Refund, result: CommandResult, cause: Cause
) -> tuple[InboxVerdict, str]:
    """A second result: the same again changes nothing; the contrary needs a person."""
    paid = result.result.outcome is Outcome.PAID
    same = paid == (row.state is RefundStatus.SUCCEEDED)
    if same or row.state is RefundStatus.REVIEW:
        return InboxVerdict.DUPLICATE, "says what is already known"
    if paid:  # it had been given back: hold again what is still free, so that nobody refunds it twice
        payment.refunding_amount += min(row.amount, payment.refundable_amount)
    move_refund(session, payment, row, "refund_contradicted", cause)
    row.failure_reason = "A person must look: M-Pesa has said both that it paid and that it did not."
    return InboxVerdict.DISPUTED, "contradicts the first result"
