"""The job that sends payouts: it claims waiting rows of running batches, one by one, and sends them.

Before a row is sent, it becomes `submitting`, with a lease. If the process dies then, the row is never sent
as a new payout. The transaction that starts a row checks suspension, batch and rate limit under lock.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sqlalchemy import exists, or_, select
from sqlalchemy.orm import Session

from mpesa_service.commands.command import locked
from mpesa_service.commands.sending import conclude, send
from mpesa_service.commands.shown_payouts import shown_payout
from mpesa_service.core import daraja_limiter, suspensions
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import SERVICE, Cause
from mpesa_service.domain.commands import BatchStatus
from mpesa_service.domain.payout_batches import PAYOUT_UNFINISHED
from mpesa_service.domain.schedule import CALL_LIMIT
from mpesa_service.domain.states import PayoutStatus
from mpesa_service.errors import Conflict
from mpesa_service.models import Payout, PayoutBatch
from mpesa_service.models.statements import lock_batch
from mpesa_service.payouts.command import PayoutCommand
from mpesa_service.payouts.control import cancel_waiting, finish
from mpesa_service.payouts.transitions import move_batch, move_payout

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Rows that one round sends side by side."""
_WAITING = Payout.status == PayoutStatus.WAITING


def pay_waiting(runtime: Runtime, limit: int = 200) -> int:
    """Send waiting rows while rate limit and suspensions allow, and close finished batches.

    Return how many.
    """
    sent = 0
    while sent < limit and (commands := _begin_some(runtime)):
        _send_all(runtime, commands)
        sent += len(commands)
    return sent + _close_finished(runtime)


def _begin_some(runtime: Runtime) -> list[PayoutCommand]:
    commands: list[PayoutCommand] = []
    while len(commands) < AT_ONCE and (command := _begin_next(runtime)):
        commands.append(command)
    return commands


def _begin_next(runtime: Runtime) -> PayoutCommand | None:
    """Begin the next row of the batch that was served longest ago, and commit."""
    waits = exists().where(Payout.batch_id == PayoutBatch.id, _WAITING)
    running = select(PayoutBatch.id).where(PayoutBatch.status == BatchStatus.RUNNING, waits)
    next_batch = running.order_by(PayoutBatch.served_at, PayoutBatch.id).limit(1)
    with runtime.database.begin() as session:
        if suspensions.why_suspended(session, suspensions.PAYOUTS) is not None:
            return None
        batch_id = session.scalars(next_batch).first()
        return begin_row(runtime, session, batch_id) if batch_id else None


def begin_row(runtime: Runtime, session: Session, batch_id: str) -> PayoutCommand | None:
    """Start a batch's next row, if the batch is running, has one, and the rate limit allows; else None.

    If a statement shows what may be an earlier payout like it, the batch is paused.
    """
    now = runtime.clock()
    batch = lock_batch(session, batch_id)
    first = select(Payout).where(Payout.batch_id == batch_id, _WAITING).order_by(Payout.row_number).limit(1)
    row = session.scalars(first.with_for_update()).first()
    if batch is None or batch.state is not BatchStatus.RUNNING or row is None:
        return None  # while we waited for the lock, it was stopped, or another worker took the last one
    if (shown := shown_payout(session, {(row.party_hash, row.amount)}, besides=row.id)) is not None:
        _pause(session, batch, shown, now)
        return None
    per_minute = runtime.settings.payouts_per_minute
    if not daraja_limiter.acquire(session, daraja_limiter.PAYMENTS_OUT, per_minute, now):
        return None
    batch.served_at = now
    _begin(session, row, now)
    return PayoutCommand(session, row)


def _pause(session: Session, batch: PayoutBatch, shown: Conflict, now: datetime) -> None:
    """Pause a batch: to send its next row may pay a second time. `resume` names the next step."""
    log.warning("a batch of payouts is paused: %s", shown.message, extra={"batch_id": batch.id})
    move_batch(session, batch, "paused", Cause(SERVICE, now, detail={"reason": shown.message}))


def _begin(session: Session, row: Payout, now: datetime) -> None:
    row.first_sent_at, row.next_check_at, row.check_attempts = now, now + CALL_LIMIT, 0
    row.result_code = row.result_desc = None
    move_payout(session, row, "payout_begun", Cause(SERVICE, now))


def _send_all(runtime: Runtime, commands: list[PayoutCommand]) -> None:
    if len(commands) == 1:
        _send(runtime, commands[0])
        return
    with ThreadPoolExecutor(len(commands)) as pool:
        for _ in pool.map(lambda command: _send(runtime, command), commands):
            pass


def _send(runtime: Runtime, command: PayoutCommand) -> None:
    try:
        answer = send(runtime, command)
        with runtime.database.begin() as session:
            conclude(runtime, locked(PayoutCommand, session, command.row.id), answer)
    except Exception:  # an error in one payout must not delay the others; after its lease it is checked
        log.exception("could not send a payout", extra=dict(command.ids))


def _close_finished(runtime: Runtime) -> int:
    """Cancel the waiting rows of stopped batches, and close batches whose rows are all finished."""
    of_batch = Payout.batch_id == PayoutBatch.id
    through = ~exists().where(of_batch, Payout.status.in_(PAYOUT_UNFINISHED))
    to_cancel = (PayoutBatch.status == BatchStatus.STOPPED) & exists().where(of_batch, _WAITING)
    started = (BatchStatus.RUNNING, BatchStatus.PAUSED, BatchStatus.STOPPED)
    live = select(PayoutBatch.id).where(PayoutBatch.status.in_(started), PayoutBatch.completed_at.is_(None))
    with runtime.database.read() as session:
        found = list(session.scalars(live.where(or_(through, to_cancel)).order_by(PayoutBatch.id).limit(100)))
    return sum(cancel_waiting(runtime, batch_id) + finish(runtime, batch_id) for batch_id in found)
