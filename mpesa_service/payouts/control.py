"""Approves, pauses, resumes, stops and finishes a batch as a whole."""

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.commands.shown_payouts import shown_payout
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import SERVICE, Cause
from mpesa_service.domain.commands import BatchStatus
from mpesa_service.domain.outflow import ApprovalStatus
from mpesa_service.domain.payout_batches import BATCH_TRANSITIONS, PAYOUT_UNFINISHED, is_same_actor
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.states import ForbiddenTransition, PayoutStatus
from mpesa_service.errors import Conflict, Forbidden, NotFound
from mpesa_service.models import Payout, PayoutBatch
from mpesa_service.models.statements import lock_batch
from mpesa_service.outflow import decisions
from mpesa_service.outflow.actions import Consent
from mpesa_service.outflow.gate import admit, count
from mpesa_service.payouts.outflow import approval_of, stored_action
from mpesa_service.payouts.transitions import move_batch, move_payout
from mpesa_service.payouts.views import Progress, batch_progress, progress_of

PAGE = 500
"""Rows that are canceled in one transaction; the batch's status alone keeps all of them from being sent."""
STOPPED = "the batch was stopped"
Decide = Callable[[Session, PayoutBatch, Cause], str]
"""Decides about a locked batch; returns the edge that it moves along."""


def approve(
    runtime: Runtime, principal: Principal, batch_id: str, reason: str = "the batch was approved"
) -> Progress:
    """Approve a batch as a second person.

    Raises NotFound, Forbidden for its maker, and Conflict when it does not wait for approval, or while a
    statement shows what may be an earlier payout like one of its rows.
    """

    def decide(session: Session, batch: PayoutBatch, cause: Cause) -> str:
        if batch.state is not BatchStatus.WAITING_APPROVAL:
            raise _not_waiting(batch)
        if is_same_actor(batch.created_by, principal.subject):
            raise Forbidden("The person who created a batch cannot approve it.", code="maker_cannot_approve")
        refuse_shown(session, batch)
        _use_up(runtime, session, batch, principal.subject, reason)
        batch.approved_by, batch.approved_at = principal.subject, cause.at
        return "approved"

    return _decided(runtime, principal, batch_id, decide)


def reject(runtime: Runtime, principal: Principal, batch_id: str, reason: str) -> None:
    """Stop a batch that waits for approval. Raises NotFound, and Conflict if it does not wait."""

    def decide(session: Session, batch: PayoutBatch, _cause: Cause) -> str:
        if (row := approval_of(session, batch)) is not None:
            decisions.reject(runtime, session, row.id, principal.subject, reason)
        return _allowed(batch, "stopped")

    _decided(runtime, principal, batch_id, decide)
    cancel_waiting(runtime, batch_id, principal.subject)
    finish(runtime, batch_id)


def expire(runtime: Runtime, batch_id: str) -> bool:
    """Stop a batch that nobody approved in time; return whether it was stopped now."""
    now = runtime.clock()
    with runtime.database.begin() as session:
        batch = lock_batch(session, batch_id)
        found = approval_of(session, batch) if batch is not None else None
        if batch is None or found is None:
            return False
        row = decisions.lock(session, found.id)
        if row.state is not ApprovalStatus.WAITING or row.expires_at > now:
            return False
        decisions.expire(session, row, now)
        move_batch(session, batch, "stopped", Cause(SERVICE, now))
        return True


def pause(runtime: Runtime, principal: Principal, batch_id: str) -> Progress:
    """Pause a batch: its waiting rows are not sent until it is resumed; rows in progress finish.

    Raises NotFound, and Conflict unless it is running.
    """
    return _decided(runtime, principal, batch_id, lambda _, batch, __: _allowed(batch, "paused"))


def resume(runtime: Runtime, principal: Principal, batch_id: str) -> Progress:
    """Resume a paused batch; raise NotFound, and Conflict unless it is paused, or as for `approve`."""

    def decide(session: Session, batch: PayoutBatch, _cause: Cause) -> str:
        edge = _allowed(batch, "resumed")
        refuse_shown(session, batch)
        return edge

    return _decided(runtime, principal, batch_id, decide)


def stop(runtime: Runtime, principal: Principal, batch_id: str) -> Progress:
    """Stop a batch: its waiting rows are canceled, the first page at once and the others by a job.

    Raises NotFound, and Conflict when it is done or stopped.
    """

    def decide(session: Session, batch: PayoutBatch, cause: Cause) -> str:
        row = approval_of(session, batch)
        if row is not None:
            decisions.withdraw(session, row.id, principal.subject, STOPPED, cause.at)
        return _allowed(batch, "stopped")

    _decided(runtime, principal, batch_id, decide)
    cancel_waiting(runtime, batch_id, principal.subject)
    finish(runtime, batch_id)
    return batch_progress(runtime, batch_id)


def _decided(runtime: Runtime, principal: Principal, batch_id: str, decide: Decide) -> Progress:
    """Lock a batch and move it along the edge that `decide` names."""
    cause = Cause(principal.subject, runtime.clock())
    with runtime.database.begin() as session:
        batch = lock_batch(session, batch_id) if batch_id.isprintable() else None
        if batch is None:
            raise NotFound("There is no such batch of payouts.")
        move_batch(session, batch, decide(session, batch, cause), cause)
        session.flush()
        return progress_of(runtime, session, batch)


def refuse_shown(session: Session, batch: PayoutBatch) -> None:
    """Raise Conflict while a statement shows what may be an earlier payout like a row that waits."""
    waiting = Payout.batch_id == batch.id, Payout.status == PayoutStatus.WAITING
    rows = session.execute(select(Payout.party_hash, Payout.amount).where(*waiting))
    if (shown := shown_payout(session, {(party, amount) for party, amount in rows})) is not None:
        raise shown


def _use_up(runtime: Runtime, session: Session, batch: PayoutBatch, by: str, reason: str) -> None:
    """Use up the approval of a locked batch, and count what the batch pays."""
    action, row = stored_action(session, batch), approval_of(session, batch)
    if row is None:
        count(runtime, session, action, batch.id)
    else:
        admit(runtime, session, action, batch.id, Consent(row.id, by, reason))


def _allowed(batch: PayoutBatch, edge: str) -> str:
    try:
        BATCH_TRANSITIONS.target(edge, batch.state)
    except ForbiddenTransition as error:
        raise Conflict(
            f"A batch that is {batch.status} cannot be {edge}.",
            code=f"cannot_be_{edge}",
            details={"status": batch.status},
        ) from error
    return edge


def _not_waiting(batch: PayoutBatch) -> Conflict:
    if batch.approved_by is not None:
        details = {"status": batch.status, "approvedBy": batch.approved_by}
        return Conflict("The batch is approved already.", code="already_approved", details=details)
    return Conflict(
        f"A batch that is {batch.status} waits for no approval.",
        code="cannot_be_approved",
        details={"status": batch.status},
    )


def cancel_waiting(runtime: Runtime, batch_id: str, actor: str = SERVICE) -> int:
    """Cancel waiting rows of a stopped batch; return how many."""
    statement = (
        select(Payout)
        .where(Payout.batch_id == batch_id, Payout.status == PayoutStatus.WAITING)
        .order_by(Payout.row_number)
        .limit(PAGE)
        .with_for_update()
    )
    with runtime.database.begin() as session:
        batch = lock_batch(session, batch_id)
        if batch is None or batch.state is not BatchStatus.STOPPED:
            return 0
        rows = session.scalars(statement).all()
        for row in rows:
            move_payout(session, row, "payout_stopped", Cause(actor, runtime.clock()))
        return len(rows)


def finish(runtime: Runtime, batch_id: str) -> bool:
    """Close a batch if none of its rows can change by itself; return whether it was closed now."""
    unfinished = (
        select(Payout.id).where(Payout.batch_id == batch_id, Payout.status.in_(PAYOUT_UNFINISHED)).limit(1)
    )
    with runtime.database.begin() as session:
        batch = lock_batch(session, batch_id)
        if batch is None or batch.completed_at is not None or session.scalars(unfinished).first():
            return False
        move_batch(session, batch, "finished", Cause(SERVICE, runtime.clock()))
        return True
