"""Simulated time, and what becomes due in it.

The clock is the real one plus an offset that only grows. One thread starts what has become due; the
work itself runs beside it, so that a receiver that hangs delays nobody else.
"""

import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

Action = Callable[[], object]
Clock = Callable[[], datetime]

_AT_ONCE = 32
_PATIENCE = 30


def system_clock() -> datetime:
    """Return the present moment, in UTC."""
    return datetime.now(UTC)


@dataclass(order=True, slots=True)
class _Job:
    due: datetime
    number: int
    action: Action = field(compare=False)
    group: str = field(compare=False)


class Scheduler:
    """Runs actions at their simulated time: by itself when real, when driven when manual."""

    def __init__(self, clock: Clock = system_clock, *, manual: bool = False) -> None:
        self._clock = clock
        self._manual = manual
        self._offset = timedelta()
        self._jobs: list[_Job] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._running = 0
        self._driving = 0
        self._stopped = False
        self._slots = threading.BoundedSemaphore(_AT_ONCE)
        self._thread: threading.Thread | None = None

    def now(self) -> datetime:
        """Return the simulated moment."""
        return self._clock() + self._offset

    def after(self, seconds: float, action: Action, group: str = "") -> None:
        """Run `action` so many simulated seconds from now."""
        due = self.now() + timedelta(seconds=seconds)
        with self._changed:
            heapq.heappush(self._jobs, _Job(due, next(self._numbers), action, group))
            self._changed.notify_all()

    def advance(self, seconds: float) -> int:
        """Move the clock forward, run in this thread all that becomes due; return how many ran."""
        target = self.now() + timedelta(seconds=seconds)
        ran = 0
        self._drive(1)
        try:
            while (job := self._take_until(target)) is not None:
                job.action()
                ran += 1
        finally:
            self._drive(-1)
        with self._changed:
            self._reach(target)
            self._changed.wait_for(lambda: self._running == 0, _PATIENCE)
        return ran

    def pull(self, group: str) -> int:
        """Run now, in this thread, every waiting action of a group; return how many ran."""
        with self._changed:
            pulled = sorted(job for job in self._jobs if job.group == group)
            self._jobs = [job for job in self._jobs if job.group != group]
            heapq.heapify(self._jobs)
        for job in pulled:
            job.action()
        return len(pulled)

    def clear(self) -> None:
        """Forget everything that waits."""
        with self._changed:
            self._jobs.clear()

    def settle(self, seconds: float) -> None:
        """Wait until nothing is under way, but no longer than this (real seconds)."""
        with self._changed:
            self._changed.wait_for(lambda: self._running == 0, seconds)

    def set_manual(self, manual: bool) -> None:
        """Choose whether time does anything by itself."""
        with self._changed:
            self._manual = manual
            self._changed.notify_all()

    def start(self) -> None:
        """Start the thread that watches the clock; a second call does nothing."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="simulated-time", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Stop the thread; what is under way may finish, what waits is dropped."""
        with self._changed:
            self._stopped = True
            self._jobs.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(_PATIENCE)

    def _drive(self, step: int) -> None:
        with self._changed:
            self._driving += step
            self._changed.notify_all()

    def _reach(self, moment: datetime) -> None:
        self._offset += max(moment - self.now(), timedelta())

    def _take_until(self, target: datetime) -> _Job | None:
        with self._changed:
            if not self._jobs or self._jobs[0].due > target:
                return None
            job = heapq.heappop(self._jobs)
            self._reach(job.due)
            return job

    def _watch(self) -> None:
        while (job := self._wait_for_job()) is not None:
            self._slots.acquire()
            threading.Thread(target=self._run, args=(job,), daemon=True).start()

    def _wait_for_job(self) -> _Job | None:
        with self._changed:
            while not self._stopped:
                wait = self._seconds_to_wait()
                if wait is not None and wait <= 0:
                    self._running += 1
                    return heapq.heappop(self._jobs)
                self._changed.wait(wait)
            return None

    def _seconds_to_wait(self) -> float | None:
        if self._manual or self._driving or not self._jobs:
            return None
        return (self._jobs[0].due - self.now()).total_seconds()

    def _run(self, job: _Job) -> None:
        try:
            job.action()
        finally:
            self._slots.release()
            with self._changed:
                self._running -= 1
                self._changed.notify_all()
