"""What M-Pesa posts to a refund's own addresses: its result, its time-out, the answer to a query."""

from sqlalchemy.orm import Session

from mpesa_service.daraja import (
    CommandResult,
    StatusResult,
    UnreadableCallback,
    parse_command_result,
    parse_status_result,
)
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.decisions import Evidence
from mpesa_service.domain.money import whole_shillings
from mpesa_service.domain.states import RefundStatus
from mpesa_service.models import Refund
from mpesa_service.models.statements import lock_payment, lock_refund_where
from mpesa_service.services.handled import Handled
from mpesa_service.services.refund_results import RefundReport, apply_refund_result
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import MPESA, Cause, move_refund, note


def handle_b2c_result(runtime: Runtime, session: Session, token: str | None, body: bytes) -> Handled:
    """Apply a B2C result that arrived on a refund's own result address."""
    try:
        result = parse_command_result(body)
    except UnreadableCallback as error:
        return Handled(InboxVerdict.UNREADABLE, str(error))
    row = lock_refund_where(session, result_token_hash=token or "")
    if row is None:
        return Handled(InboxVerdict.UNMATCHED, "no refund has this result address")
    payment = lock_payment(session, row.payment_id)
    if not _names_ours(row, result):
        cause = Cause(MPESA, runtime.clock(), Evidence.CALLBACK, {"resultCode": result.result.code})
        note(session, payment, "refund_disputed", cause, row)
        return Handled(InboxVerdict.DISPUTED, "names other ids than the refund's", payment.id, row.id)
    row.conversation_id = row.conversation_id or result.conversation_id
    report = _report_of_result(row, result)
    verdict, reason = apply_refund_result(runtime, session, payment, row, report)
    return Handled(verdict, reason, payment.id, row.id)


def handle_b2c_timeout(runtime: Runtime, session: Session, token: str | None, _body: bytes) -> Handled:
    """M-Pesa's queue timed out: whether the money moved is unknown, and stays reserved.

    The body is the original request (reported, not documented), so nothing in it is news.
    """
    row = lock_refund_where(session, timeout_token_hash=token or "")
    if row is None:
        return Handled(InboxVerdict.UNMATCHED, "no refund has this time-out address")
    payment = lock_payment(session, row.payment_id)
    if row.state not in {RefundStatus.SUBMITTING, RefundStatus.PENDING}:
        return Handled(InboxVerdict.NOTED, f"time-out after {row.status}", payment.id, row.id)
    cause = Cause(MPESA, runtime.clock(), Evidence.CALLBACK)
    move_refund(session, payment, row, "refund_timed_out", cause)
    return Handled(InboxVerdict.APPLIED, "timed out in M-Pesa's queue", payment.id, row.id)


def handle_status_result(runtime: Runtime, session: Session, token: str | None, body: bytes) -> Handled:
    """Apply the answer to a status query about a refund."""
    try:
        result = parse_status_result(body)
    except UnreadableCallback as error:
        return Handled(InboxVerdict.UNREADABLE, str(error))
    row = lock_refund_where(session, status_token_hash=token or "")
    if row is None:
        return Handled(InboxVerdict.UNMATCHED, "no refund has this status address")
    payment = lock_payment(session, row.payment_id)
    report = _report_of_status(row, result)
    verdict, reason = apply_refund_result(runtime, session, payment, row, report)
    return Handled(verdict, reason, payment.id, row.id)


def handle_status_timeout(_runtime: Runtime, session: Session, token: str | None, _body: bytes) -> Handled:
    """A status query that timed out tells nothing; the schedule asks again."""
    row = lock_refund_where(session, status_token_hash=token or "")
    if row is None:
        return Handled(InboxVerdict.UNMATCHED, "no refund has this status address")
    return Handled(InboxVerdict.NOTED, "the query timed out", row.payment_id, row.id)


def _names_ours(row: Refund, result: CommandResult) -> bool:
    """Tell whether a result names this refund. One id must be ours, once Daraja has given us its own.

    Documentation shows results under Daraja's own OriginatorConversationID, production has been seen
    to echo ours, and a result may come before the answer that tells us Daraja's.
    """
    known = {row.originator_conversation_id, row.conversation_id}
    named = {result.originator_conversation_id, result.conversation_id}
    return row.conversation_id is None or bool(known & named)


def _report_of_result(row: Refund, result: CommandResult) -> RefundReport:
    amount = whole_shillings(result.amount)
    return RefundReport(
        evidence=Evidence.CALLBACK,
        outcome=result.result.outcome,
        result_code=result.result.code,
        result_desc=result.result_desc,
        reason=result.result.say,
        amount_differs=result.amount is not None and amount != row.amount,
        receipt=result.receipt,
        credential_fault=result.result.credential_fault,
    )


def _report_of_status(row: Refund, result: StatusResult) -> RefundReport:
    amount = whole_shillings(result.amount)
    status = result.transaction_status or "no status"
    return RefundReport(
        evidence=Evidence.STATUS,
        outcome=result.outcome,
        result_code=result.result.code,
        result_desc=f"TransactionStatus {status}",
        reason=f"M-Pesa says that the refund is {status.lower()}.",
        amount_differs=result.amount is not None and amount != row.amount,
        receipt=result.receipt,
        credential_fault=result.result.credential_fault,
    )
