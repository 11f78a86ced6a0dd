"""Stores a running pull, its counts and its outcome, and raises the alarm about pulls that find nothing."""

import json
import logging
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mpesa_service.c2b.pull_records import PullRecord, pull_record
from mpesa_service.c2b.pull_windows import Window, money_arrived, next_window
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.event_types import EventType
from mpesa_service.domain.plans import Event
from mpesa_service.errors import Conflict
from mpesa_service.models import Pull
from mpesa_service.models.pulls import PullStatus
from mpesa_service.models.statements import insert_once
from mpesa_service.webhooks.outbox import publish

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
"""The time for one page. After it, a pull counts as interrupted."""
COUNTS = ("pages", "rows_seen", "booked", "known", "disputed", "unreadable")
INTERRUPTED = "The process that read it has ended."
NOT_PROVISIONED = (
    "M-Pesa reported no row, although money of this window arrived. The shortcode is probably not provisioned"
    " for Pull Transactions: run mpesa pull register, and ask Safaricom."
)


@dataclass
class Run:
    """A running pull: its window, and what it has found."""

    id: int
    shortcode: str
    window: Window
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    kept: list[object] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    code: str | None = None
    faults: int = 0


def begin(runtime: Runtime, actor: str, shortcode: str, window: Window | None) -> Run:
    """Store a running pull. One whose lease is over is closed as failed; raise Conflict if one is running."""
    now = runtime.clock()
    with runtime.database.begin() as session:
        over = update(Pull).where(Pull.running_lock == shortcode, Pull.lease_until < now)
        closed = {"status": PullStatus.FAILED, "error": INTERRUPTED, "finished_at": now, "running_lock": None}
        session.execute(over.values(**closed))
        window = window or next_window(session, shortcode, now)
        values: dict[str, Any] = {
            "shortcode": shortcode,
            "window_from": window.start,
            "window_to": window.end,
            "gap_from": window.gap_from,
            "status": PullStatus.RUNNING,
            **dict.fromkeys(COUNTS, 0),
            "requested_by": actor,
            "started_at": now,
            "lease_until": now + LEASE,
            "running_lock": shortcode,
        }
        if not insert_once(session, Pull, values):
            raise Conflict("A pull of this shortcode is running.", code="pull_running", retry_after=60)
        pull_id = session.scalars(select(Pull.id).where(Pull.running_lock == shortcode)).one()
    return Run(pull_id, shortcode, window)


def save(runtime: Runtime, run: Run) -> PullRecord:
    """Write the counts, and extend the lease. Raises Conflict if another process has taken the pull over."""
    with runtime.database.begin() as session:
        return _write(runtime, session, run, lease_until=runtime.clock() + LEASE)


def finish(runtime: Runtime, run: Run, status: PullStatus, error: str | None = None) -> PullRecord:
    """End a pull, and judge its answer: nothing is a suspect answer if money arrived in its window.

    The second suspect answer in a row publishes an event. Raises Conflict as `save` does.
    """
    now, repeated = runtime.clock(), False
    with runtime.database.begin() as session:
        empty = status is PullStatus.COMPLETE and not run.counts["rows_seen"]
        if empty and money_arrived(runtime, session, run.shortcode, run.window):
            status, error = PullStatus.SUSPECT, NOT_PROVISIONED
        outcome = {"status": status, "error": error, "finished_at": now}
        record = _write(runtime, session, run, **outcome, running_lock=None, lease_until=None)
        if status is PullStatus.SUSPECT:
            before = _answers_before(session, run)
            repeated = before[:1] == [PullStatus.SUSPECT]
            if repeated and before[1:] != [PullStatus.SUSPECT]:
                publish(session, suspect_event(record))
    _report(record, repeated=repeated)
    return record


def suspect_event(record: PullRecord) -> Event:
    """Return the event of pulls that find nothing, again, although money arrived."""
    data = {
        "pullId": record.id,
        "shortcode": record.shortcode,
        "from": record.window_from,
        "to": record.window_to,
        "resultCode": record.result_code,
        "reason": record.error,
    }
    at = record.finished_at or record.started_at
    return Event(EventType.PULL_SUSPECT, f"pull_{record.id}", 1, data, at)


def _write(runtime: Runtime, session: Session, run: Run, **more: Any) -> PullRecord:
    row = session.get(Pull, run.id, with_for_update=True)
    if row is None or row.running_lock is None:
        raise Conflict("Another process has taken over this pull.", code="pull_running", retry_after=60)
    values = {"result_code": run.code, **run.counts, **more}
    if run.kept:
        kept = json.dumps(run.kept, default=str)
        values["unreadable_encrypted"] = runtime.encryption.encrypt(kept)
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    return pull_record(row)


def _answers_before(session: Session, run: Run) -> list[str]:
    """Return how the last two pulls ended that M-Pesa answered, the last one first."""
    answered = Pull.status.in_((PullStatus.COMPLETE, PullStatus.SUSPECT))
    last = select(Pull.status).where(Pull.shortcode == run.shortcode, Pull.id < run.id, answered)
    return [*session.scalars(last.order_by(Pull.id.desc()).limit(2))]


def _report(record: PullRecord, *, repeated: bool) -> None:
    names = ("shortcode", "status", *COUNTS, "error")
    extra = {"pull_id": record.id, **{name: getattr(record, name) for name in names}}
    level = logging.INFO if record.status == PullStatus.COMPLETE else logging.WARNING
    log.log(level, "pull", extra=extra)
    if repeated:
        log.error("ALERT: pull of %s finds nothing: %s", record.shortcode, record.error, extra=extra)
    if record.gap_from is not None:
        log.warning("a time was never pulled: only a statement proves it", extra={"pull_id": record.id})
