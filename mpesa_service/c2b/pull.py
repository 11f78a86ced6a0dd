"""Pulls: the service fetches the money that its numbers received, and books what no confirmation reported.

A pull reads one window of time of one number, page by page. Its outcome is a row of `pulls`. A pull that is
interrupted is repeated by the next one, because only complete windows count.
"""

import time
from dataclasses import dataclass
from datetime import timedelta

from mpesa_service.c2b.pull_numbers import chosen_numbers
from mpesa_service.c2b.pull_pages import Progress, Sleep, Stopped, back_off, read_pages
from mpesa_service.c2b.pull_records import PullRecord
from mpesa_service.c2b.pull_runs import Run, begin, finish
from mpesa_service.c2b.pull_windows import SET_UP, Window
from mpesa_service.core import daraja_limiter
from mpesa_service.core.provider_errors import failure_of
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import DarajaError, Throttled
from mpesa_service.domain.audit import SERVICE
from mpesa_service.errors import Conflict, Unavailable
from mpesa_service.models.pulls import PullStatus

EVERY = timedelta(minutes=15)
NOT_BOOKED = "Rows could not be booked. The next pull tries again."


@dataclass(frozen=True)
class _Read:
    """A window that was read, to its end or not. It is judged when all numbers are read."""

    run: Run
    status: PullStatus
    error: str | None = None


def pull(
    runtime: Runtime,
    actor: str,
    window: Window | None = None,
    shortcode: str | None = None,
    progress: Progress = lambda _: None,
    sleep: Sleep = time.sleep,
) -> list[PullRecord]:
    """Read a window, by default from the last complete one to now, and book its money; return the outcomes.

    Without `shortcode`, it reads the same for each number of this service. A number that another process
    reads at the moment is left out. `progress` gets the record after each page. A failed call to Daraja is an
    outcome (`failed`), no error.

    Raises Unavailable if pulls are off, and Conflict if the shortcode is not ours or every number is left
    out.
    """
    if not runtime.settings.mpesa_pull:
        raise Unavailable(SET_UP, code="not_set_up")
    reads: list[_Read] = []
    records: list[PullRecord] = []
    busy: Conflict | None = None
    numbers = chosen_numbers(runtime, shortcode)
    try:
        for number in numbers:
            try:
                reads.append(_read(runtime, begin(runtime, actor, number, window), progress, sleep))
            except Conflict as conflict:
                busy = conflict
    finally:
        # Money may stand under another number of this service than its confirmation names. So an empty answer
        # is judged when every number is read.
        for one in reads:
            try:
                records.append(finish(runtime, one.run, one.status, one.error))
            except Conflict as conflict:
                busy = conflict
    if busy is not None and not records:
        raise busy
    return records


def pull_when_due(runtime: Runtime) -> int:
    """Pull each number every 15 minutes, for all processes together; return 1 if a pull ran."""
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


def _read(runtime: Runtime, run: Run, progress: Progress, sleep: Sleep) -> _Read:
    try:
        read_pages(runtime, run, progress, sleep)
    except Stopped as stopped:
        return _Read(run, PullStatus.FAILED, str(stopped))
    except DarajaError as failure:
        if isinstance(failure, Throttled):
            back_off(runtime, failure)
        return _Read(run, PullStatus.FAILED, _words(failure))
    except Conflict:  # another process has taken it over
        raise
    except (Exception, KeyboardInterrupt) as fault:
        finish(runtime, run, PullStatus.FAILED, f"raised {type(fault).__name__}")
        raise
    if run.faults:
        return _Read(run, PullStatus.FAILED, NOT_BOOKED)
    return _Read(run, PullStatus.COMPLETE)


def _words(error: DarajaError) -> str:
    failure = failure_of(error)
    return f"{failure.reason} ({failure.description})"[:512]
