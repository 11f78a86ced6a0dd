"""Pulls: the service fetches the money that a shortcode received, and books what no confirmation reported.

A pull reads one window of time, page by page, and books each row once (`book_money`). Its outcome is a row of
`pulls`. A pull that is interrupted is repeated by the next one, because only complete windows count.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from mpesa_service.c2b.arrivals import ArrivedMoney
from mpesa_service.c2b.book_money import book_money
from mpesa_service.c2b.pull_records import PullRecord, pull_record
from mpesa_service.c2b.pull_windows import SET_UP, Window, money_arrived, next_window
from mpesa_service.core import daraja_limiter
from mpesa_service.core.provider_errors import failure_of
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import DarajaError, PullPage, PullQuery, PullRow, Throttled
from mpesa_service.domain.audit import SERVICE
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.money import CENTS
from mpesa_service.domain.reports import Evidence
from mpesa_service.errors import Conflict, Unavailable
from mpesa_service.models import Pull
from mpesa_service.models.pulls import PullStatus
from mpesa_service.models.statements import insert_once

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=15)
LEASE = timedelta(minutes=5)
"""The time for one page. After it, a pull counts as interrupted."""
MAX_PAGES = 1000
PATIENCE_SECONDS = 60
BACK_OFF = timedelta(seconds=30)
INTERRUPTED = "The process that read it has ended."
REPEATED = "M-Pesa returned the same page again, so its other rows were not read."
ENDLESS = f"It has more than {MAX_PAGES} pages."
BUSY = "The rate limit for queries was used up."
NOT_BOOKED = "Rows could not be booked. The next pull tries again."
NOT_PROVISIONED = (
    "M-Pesa reported no row, although money of this window arrived. The shortcode is probably not provisioned"
    " for Pull Transactions: run mpesa pull register, and ask Safaricom."
)

Progress = Callable[[PullRecord], object]


class _Stopped(Exception):
    """The walk ends before the last page."""


@dataclass
class _Run:
    """A running pull: its window, and what it has found."""

    id: int
    shortcode: str
    window: Window
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("pages", "rows_seen", "booked", "known", "disputed", "unreadable"), 0
        )
    )
    kept: list[object] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    code: str | None = None
    faults: int = 0


def pull(
    runtime: Runtime,
    actor: str,
    window: Window | None = None,
    shortcode: str | None = None,
    progress: Progress = lambda _: None,
    sleep: Callable[[float], object] = time.sleep,
) -> PullRecord:
    """Read a window, by default from the last complete one to now, and book its money; return the outcome.

    `progress` gets the record after each page. A failed call to Daraja is an outcome (`failed`), no error.
    Raises Unavailable if pulls are off, and Conflict if the shortcode is not ours or a pull of it runs.
    """
    if not runtime.settings.mpesa_pull:
        raise Unavailable(SET_UP, code="not_set_up")
    shortcode = own_shortcode(runtime, shortcode)
    run = _begin(runtime, actor, shortcode, window)
    status, error = PullStatus.COMPLETE, None
    try:
        _walk(runtime, run, progress, sleep)
    except _Stopped as stopped:
        status, error = PullStatus.FAILED, str(stopped)
    except DarajaError as failure:
        status, error = PullStatus.FAILED, _words(failure)
        if isinstance(failure, Throttled):
            _back_off(runtime, failure)
    except (Exception, KeyboardInterrupt) as fault:
        _finish(runtime, run, PullStatus.FAILED, f"raised {type(fault).__name__}")
        raise
    if status is PullStatus.COMPLETE and run.faults:
        status, error = PullStatus.FAILED, NOT_BOOKED
    return _finish(runtime, run, status, error)


def pull_when_due(runtime: Runtime) -> int:
    """Pull the shortcode every 15 minutes, for all processes together; return 1 if a pull ran."""
    if not runtime.settings.mpesa_pull:
        return 0
    now, name = runtime.clock(), f"pull {runtime.settings.mpesa_shortcode}"
    with runtime.database.begin() as session:
        if daraja_limiter.lock(session, name, now) > now:
            return 0
        daraja_limiter.store(session, name, now + EVERY)
    try:
        pull(runtime, SERVICE)
    except Conflict:  # an operator's pull runs
        return 0
    return 1


def own_shortcode(runtime: Runtime, shortcode: str | None) -> str:
    """Return the shortcode to pull; raise Conflict if it is not one of this service."""
    own = [runtime.settings.mpesa_shortcode, runtime.settings.mpesa_till]
    if shortcode is not None and shortcode not in own:
        raise Conflict("This shortcode is not one of this service's.", code="not_our_shortcode")
    return shortcode or runtime.settings.mpesa_shortcode


def _begin(runtime: Runtime, actor: str, shortcode: str, window: Window | None) -> _Run:
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
            **dict.fromkeys(("pages", "rows_seen", "booked", "known", "disputed", "unreadable"), 0),
            "requested_by": actor,
            "started_at": now,
            "lease_until": now + LEASE,
            "running_lock": shortcode,
        }
        if not insert_once(session, Pull, values):
            raise Conflict("A pull of this shortcode is running.", code="pull_running", retry_after=60)
        pull_id = session.scalars(select(Pull.id).where(Pull.running_lock == shortcode)).one()
    return _Run(pull_id, shortcode, window)


def _walk(runtime: Runtime, run: _Run, progress: Progress, sleep: Callable[[float], object]) -> None:
    """Read page after page, until one is empty or the last one is read. `OffSetValue` counts rows."""
    offset = 0
    for number in range(1, MAX_PAGES + 1):
        _wait_for_token(runtime, sleep)
        query = PullQuery(shortcode=run.shortcode, start=run.window.start, end=run.window.end, offset=offset)
        page = runtime.daraja.pull_query(query)
        run.code = page.code
        if not page.size:
            return
        if offset and not page.unreadable and run.seen.issuperset(row.receipt for row in page.rows):
            raise _Stopped(REPEATED)
        _book(runtime, run, page)
        offset += page.size
        progress(_save(runtime, run))
        if page.total_pages is not None and number >= page.total_pages:
            return
    raise _Stopped(ENDLESS)


def _book(runtime: Runtime, run: _Run, page: PullPage) -> None:
    run.counts["pages"] += 1
    run.counts["rows_seen"] += page.size
    run.counts["unreadable"] += len(page.unreadable)
    run.kept += page.unreadable
    for row in page.rows:
        run.seen.add(row.receipt)
        try:
            plan = book_money(runtime, money_of(row, run.shortcode), Evidence.PULL)
        except Exception:  # a fault in one row must not stop the others
            log.exception("could not book a row of a pull", extra={"pull_id": run.id})
            run.faults += 1
            continue
        column = {InboxVerdict.DUPLICATE: "known", InboxVerdict.DISPUTED: "disputed"}
        run.counts[column.get(InboxVerdict(plan.verdict), "booked")] += 1


def money_of(row: PullRow, shortcode: str) -> ArrivedMoney:
    """Return the money of a row."""
    return ArrivedMoney(
        receipt=row.receipt,
        cents=int(row.amount * CENTS),
        shortcode=shortcode,
        account=row.bill_reference,
        payer=row.payer,
        payer_kind=row.payer_kind,
        names=(row.sender,),
        transaction_type=row.transaction_type,
        transacted_at=row.transacted_at,
    )


def _wait_for_token(runtime: Runtime, sleep: Callable[[float], object]) -> None:
    for _ in range(PATIENCE_SECONDS):
        with runtime.database.begin() as session:
            per_minute = runtime.settings.queries_per_minute
            if daraja_limiter.acquire(session, daraja_limiter.PULLS, per_minute, runtime.clock()):
                return
        sleep(1)
    raise _Stopped(BUSY)


def _back_off(runtime: Runtime, error: Throttled) -> None:
    pause = BACK_OFF if error.retry_after is None else timedelta(seconds=error.retry_after)
    with runtime.database.begin() as session:
        daraja_limiter.back_off(session, daraja_limiter.PULLS, runtime.clock() + pause)


def _words(error: DarajaError) -> str:
    failure = failure_of(error)
    return f"{failure.reason} ({failure.description})"[:512]


def _save(runtime: Runtime, run: _Run, **more: Any) -> PullRecord:
    """Write the counts, and extend the lease. Raises Conflict if another process has taken the pull over."""
    now = runtime.clock()
    with runtime.database.begin() as session:
        row = session.get(Pull, run.id, with_for_update=True)
        if row is None or row.running_lock is None:
            raise Conflict("Another process has taken over this pull.", code="pull_running", retry_after=60)
        values = {"lease_until": now + LEASE, "result_code": run.code, **run.counts, **more}
        if run.kept:
            kept = json.dumps(run.kept, default=str)
            values["unreadable_encrypted"] = runtime.encryption.encrypt(kept)
        for name, value in values.items():
            setattr(row, name, value)
        session.flush()
        return pull_record(row)


def _finish(runtime: Runtime, run: _Run, status: PullStatus, error: str | None) -> PullRecord:
    now, repeated = runtime.clock(), False
    with runtime.database.read() as session:
        empty = status is PullStatus.COMPLETE and not run.counts["rows_seen"]
        if empty and money_arrived(runtime, session, run.shortcode, run.window):
            status, error = PullStatus.SUSPECT, NOT_PROVISIONED
            repeated = _was_suspect(session.scalars(_before(run)).first())
    record = _save(
        runtime, run, status=status, error=error, finished_at=now, running_lock=None, lease_until=None
    )
    _report(record, repeated=repeated)
    return record


def _before(run: _Run) -> Any:
    last = select(Pull).where(Pull.shortcode == run.shortcode, Pull.id < run.id)
    return last.order_by(Pull.id.desc()).limit(1)


def _was_suspect(row: Pull | None) -> bool:
    return row is not None and row.status == PullStatus.SUSPECT


def _report(record: PullRecord, *, repeated: bool) -> None:
    names = (
        "shortcode",
        "status",
        "pages",
        "rows_seen",
        "booked",
        "known",
        "disputed",
        "unreadable",
        "error",
    )
    extra = {"pull_id": record.id, **{name: getattr(record, name) for name in names}}
    level = logging.INFO if record.status == PullStatus.COMPLETE else logging.WARNING
    log.log(level, "pull", extra=extra)
    if repeated:
        log.error("ALERT: pull of %s finds nothing: %s", record.shortcode, record.error, extra=extra)
    if record.gap_from is not None:
        log.warning("a time was never pulled: only a statement proves it", extra={"pull_id": record.id})
