"""Approves what waits, and carries it out; rejects it; ends it when its time is over.

The approval is used up in the transaction that begins the action. So an action is begun once, however many
people approve it, and a crash leaves it either waiting or begun.
"""

from collections.abc import Callable, Mapping

from sqlalchemy import select

from mpesa_service.core.idempotency import Answer
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.outflow import ApprovalStatus, OutflowKind
from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.errors import InvalidRequest
from mpesa_service.models import Approval
from mpesa_service.outflow import decisions
from mpesa_service.outflow.actions import Consent
from mpesa_service.outflow.records import ApprovalRecord, approval_record, find_approval, show_approval
from mpesa_service.payouts import control
from mpesa_service.refunds.outflow import approved_request
from mpesa_service.refunds.request import refund
from mpesa_service.review.moves import MoveRequest, move
from mpesa_service.review.outflow import approved_decision
from mpesa_service.review.payments import resolve
from mpesa_service.review.payouts import resolve_payout
from mpesa_service.review.unmatched import return_money

MOST_REASON = 500
Carry = Callable[[Runtime, ApprovalRecord, Principal, Consent], None]


def approve(runtime: Runtime, principal: Principal, approval_id: str, reason: str) -> ApprovalRecord:
    """Approve an action that another person requested, and carry it out.

    Raises NotFound, Forbidden for the person who requested it, InvalidRequest without a reason, and Conflict
    if it does not wait any more or is not possible any more. Then it waits as before.
    """
    why = _checked(reason)
    with runtime.database.read() as session:
        row = find_approval(session, approval_id)
        decisions.refuse_decided(row, runtime.clock())
        decisions.refuse_maker(row, principal.subject)
        record = approval_record(runtime.encryption, row)
    maker = Principal(record.requested_by, frozenset({ADMIN}))
    consent = Consent(record.id, principal.subject, why)
    CARRIED_OUT[record.kind](runtime, record, maker, consent)
    return show_approval(runtime, approval_id)


def reject(runtime: Runtime, principal: Principal, approval_id: str, reason: str) -> ApprovalRecord:
    """Reject an action that waits: it is never carried out. The person who requested it may withdraw it.

    Raises NotFound, InvalidRequest without a reason, and Conflict if it does not wait any more.
    """
    why = _checked(reason)
    record = show_approval(runtime, approval_id)
    if record.kind is OutflowKind.PAYOUT and record.status is ApprovalStatus.WAITING:
        control.reject(runtime, principal, record.subject_id, why)
        return show_approval(runtime, approval_id)
    with runtime.database.begin() as session:
        return decisions.reject(runtime, session, approval_id, principal.subject, why)


def expire_due(runtime: Runtime, limit: int = 100) -> int:
    """End the approvals whose time is over, and stop the payout batches of such; return how many."""
    now = runtime.clock()
    due = (Approval.status == ApprovalStatus.WAITING, Approval.expires_at <= now)
    of_batch = Approval.kind == OutflowKind.PAYOUT
    with runtime.database.read() as session:  # a batch is locked before its approval
        batches = session.scalars(select(Approval.subject_id).where(*due, of_batch).limit(limit)).all()
    stopped = sum(control.expire(runtime, batch_id) for batch_id in batches)
    others = select(Approval).where(*due, ~of_batch).order_by(Approval.expires_at).limit(limit)
    with runtime.database.begin() as session:
        rows = session.scalars(others.with_for_update(skip_locked=True)).all()
        for row in rows:
            decisions.expire(session, row, now)
    return stopped + len(rows)


def _checked(reason: str) -> str:
    why = reason.strip()
    if not 0 < len(why) <= MOST_REASON:
        raise InvalidRequest(f"Say why, in at most {MOST_REASON} characters.", code="reason_needed")
    return why


def _refund(runtime: Runtime, record: ApprovalRecord, maker: Principal, consent: Consent) -> None:
    request = approved_request(record, consent)
    refund(runtime, maker, record.subject_id, request, _no_answer)


def _return(runtime: Runtime, record: ApprovalRecord, maker: Principal, consent: Consent) -> None:
    return_money(
        runtime,
        maker,
        record.subject_id,
        record.reason or "",
        _no_answer,
        record.parameters["phone"],
        confirm_different_payer=record.parameters["confirm"],
        consent=consent,
    )


def _pay(runtime: Runtime, record: ApprovalRecord, _maker: Principal, consent: Consent) -> None:
    control.approve(runtime, Principal(consent.by, frozenset({ADMIN})), record.subject_id, consent.reason)


def _resolve_payout(runtime: Runtime, record: ApprovalRecord, maker: Principal, consent: Consent) -> None:
    resolve_payout(runtime, maker, record.subject_id, approved_decision(record), consent)


def _resolve(runtime: Runtime, record: ApprovalRecord, maker: Principal, consent: Consent) -> None:
    resolve(runtime, maker, record.subject_id, approved_decision(record), consent)


def _move(runtime: Runtime, record: ApprovalRecord, maker: Principal, consent: Consent) -> None:
    request = MoveRequest(record.parameters["order"], record.reason or "")
    move(runtime, maker, record.subject_id, request, _no_answer, consent=consent)


def _no_answer(_outcome: object) -> Answer:
    """The answer is the approval, whatever M-Pesa says about the refund: the refund's own status shows it."""
    return Answer(200, b"")


CARRIED_OUT: Mapping[OutflowKind, Carry] = {
    OutflowKind.REFUND: _refund,
    OutflowKind.REVERSAL: _refund,
    OutflowKind.RETURN: _return,
    OutflowKind.PAYOUT: _pay,
    OutflowKind.RESOLVE_PAYOUT: _resolve_payout,
    OutflowKind.SETTLE_PAYMENT: _resolve,
    OutflowKind.RESOLVE_REFUND: _resolve,
    OutflowKind.MOVE: _move,
}
"""How an approved action is carried out, by its kind."""
