"""Reads the pages of a pull, and books each row once (`book_money`)."""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from mpesa_service.c2b.arrivals import ArrivedMoney
from mpesa_service.c2b.book_money import book_money
from mpesa_service.c2b.pull_records import PullRecord
from mpesa_service.c2b.pull_runs import Run, save
from mpesa_service.core import daraja_limiter
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import PullPage, PullQuery, PullRow, Throttled
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.money import CENTS
from mpesa_service.domain.reports import Evidence

log = logging.getLogger(__name__)

MAX_PAGES = 1000
PATIENCE_SECONDS = 60
BACK_OFF = timedelta(seconds=30)
REPEATED = "M-Pesa returned the same page again, so its other rows were not read."
ENDLESS = f"It has more than {MAX_PAGES} pages."
BUSY = "The rate limit for queries was used up."

Progress = Callable[[PullRecord], object]
Sleep = Callable[[float], object]


class Stopped(Exception):
    """The walk ends before the last page."""


def read_pages(
    runtime: Runtime, run: Run, progress: Progress = lambda _: None, sleep: Sleep = time.sleep
) -> None:
    """Read page after page, until one is empty or the last one is read. `OffSetValue` counts rows.

    Raises Stopped, DarajaError, and Conflict if another process has taken over the pull.
    """
    offset = 0
    for number in range(1, MAX_PAGES + 1):
        _wait_for_token(runtime, sleep)
        query = PullQuery(shortcode=run.shortcode, start=run.window.start, end=run.window.end, offset=offset)
        page = runtime.daraja.pull_query(query)
        run.code = page.code
        if not page.size:
            return
        if offset and not page.unreadable and run.seen.issuperset(row.receipt for row in page.rows):
            raise Stopped(REPEATED)
        _book(runtime, run, page)
        offset += page.size
        progress(save(runtime, run))
        if page.total_pages is not None and number >= page.total_pages:
            return
    raise Stopped(ENDLESS)


def back_off(runtime: Runtime, error: Throttled) -> None:
    """Let all processes wait before the next page, as long as Daraja says."""
    pause = BACK_OFF if error.retry_after is None else timedelta(seconds=error.retry_after)
    with runtime.database.begin() as session:
        daraja_limiter.back_off(session, daraja_limiter.PULLS, runtime.clock() + pause)


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


def _book(runtime: Runtime, run: Run, page: PullPage) -> None:
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


def _wait_for_token(runtime: Runtime, sleep: Sleep) -> None:
    for _ in range(PATIENCE_SECONDS):
        with runtime.database.begin() as session:
            per_minute = runtime.settings.queries_per_minute
            if daraja_limiter.acquire(session, daraja_limiter.PULLS, per_minute, runtime.clock()):
                return
        sleep(1)
    raise Stopped(BUSY)
