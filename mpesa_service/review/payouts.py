"""Decisions of operators on payouts in review, with a reason, as for payments."""

from sqlalchemy import select

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.states import PayoutStatus
from mpesa_service.errors import Conflict, NotFound
from mpesa_service.models import Payout
from mpesa_service.outflow.actions import Consent
from mpesa_service.outflow.gate import admit
from mpesa_service.outflow.records import ApprovalRecord
from mpesa_service.payouts.command import PayoutCommand
from mpesa_service.payouts.views import PayoutRecord, payout_record
from mpesa_service.review.candidates import refuse_to_fail
from mpesa_service.review.decision import OperatorDecision, Resolution
from mpesa_service.review.outflow import payout_action
from mpesa_service.review.payments import operator_cause


def list_payouts_in_review(runtime: Runtime, limit: int = 100, after: str = "") -> tuple[PayoutRecord, ...]:
    """Return payouts in review, of all batches, oldest first, after an id."""
    statement = (
        select(Payout)
        .where(Payout.status == PayoutStatus.REVIEW, Payout.id > after)
        .order_by(Payout.id)
        .limit(limit)
    )
    with runtime.database.read() as session:
        return tuple(payout_record(runtime.encryption, row) for row in session.scalars(statement))


def resolve_payout(
    runtime: Runtime,
    principal: Principal,
    payout_id: str,
    decision: OperatorDecision,
    consent: Consent | None = None,
) -> PayoutRecord | ApprovalRecord:
    """Carry out an operator's decision on a payout in review: the money was sent, or it was not.

    A decision about an own payout, or one that exceeds a limit, waits for a second person.

    Raises NotFound, Conflict if it is not in review, if another payout has the receipt, or if it would fail
    and an unexplained payout of a statement may be it, and InvalidRequest without a reason.
    """
    approved = consent.detail if consent else {}
    cause = operator_cause(runtime, principal, decision.reason, **approved)
    with runtime.database.begin() as session:
        command = PayoutCommand.lock(session, id=payout_id) if payout_id.isprintable() else None
        if command is None:
            raise NotFound("There is no such payout.")
        row = command.row
        if row.state is not PayoutStatus.REVIEW:
            raise Conflict("This payout is not in review.", code="not_in_review")
        if decision.receipt is not None and command.receipt_taken(decision.receipt):
            raise Conflict("Another payout has this receipt.", code="receipt_taken")
        if decision.action is Resolution.FAIL:
            refuse_to_fail(session, [row.id])
        action = payout_action(row, decision, principal.subject)
        waiting = admit(runtime, session, action, row.id, consent)
        if waiting is not None:
            return waiting
        if decision.action is Resolution.FAIL:
            row.failure_reason = f"Closed by an operator: {decision.reason.strip()}"[:512]
            command.move("failed_by_operator", cause)
        else:
            _settle(command, decision.receipt, cause)
        session.flush()
        return payout_record(runtime.encryption, row)


def _settle(command: PayoutCommand, receipt: str | None, cause: Cause) -> None:
    command.row.receipt = receipt or command.row.receipt
    command.row.failure_reason = None
    command.move("settled_by_operator", cause)
