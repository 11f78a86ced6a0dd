"""The simulated clock and the jobs that run at simulated times.

The clock is the real clock plus an offset that only grows. One thread starts due jobs, and each job runs
in its own thread. A callback receiver that hangs therefore delays no other job.
"""

import heapq
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

Action = Callable[[], object]
Clock = Callable[[], datetime]

_MAX_CONCURRENT = 32
_TIMEOUT = 30


def system_clock() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


@dataclass(order=True, slots=True)
class _Job:
    due: datetime
    number: int
    action: Action = field(compare=False)
    group: str = field(compare=False)


class Scheduler:
    """Runs actions at simulated times. In manual mode, they run only when the clock is advanced."""

    def __init__(self, clock: Clock = system_clock, *, manual: bool = False) -> None:
        self._clock = clock
        self._manual = manual
        self._offset = timedelta()
        self._jobs: list[_Job] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._running = 0
        self._advancing = 0
        self._stopped = False
        self._slots = threading.BoundedSemaphore(_MAX_CONCURRENT)
        self._thread: threading.Thread | None = None

    def now(self) -> datetime:
        """Return the simulated time."""
        return self._clock() + self._offset

    def after(self, seconds: float, action: Action, group: str = "") -> None:
        """Run `action` after this many simulated seconds."""
        due = self.now() + timedelta(seconds=seconds)
        with self._changed:
            heapq.heappush(self._jobs, _Job(due, next(self._numbers), action, group))
            self._changed.notify_all()

    def advance(self, seconds: float) -> int:
        """Advance the clock and run the due actions in this thread. Return their number."""
        target = self.now() + timedelta(seconds=seconds)
        ran = 0
        self._count_advance(1)
        try:
            while (job := self._next_due(target)) is not None:
                job.action()
                ran += 1
        finally:
            self._count_advance(-1)
        with self._changed:
            self._move_clock_to(target)
            self._changed.wait_for(lambda: self._running == 0, _TIMEOUT)
        return ran

    def run_group(self, group: str) -> int:
        """Run every waiting action of a group now, in this thread. Return their number."""
        with self._changed:
            pulled = sorted(job for job in self._jobs if job.group == group)
            self._jobs = [job for job in self._jobs if job.group != group]
            heapq.heapify(self._jobs)
        for job in pulled:
            job.action()
        return len(pulled)

    def clear(self) -> None:
        """Remove all waiting actions."""
        with self._changed:
            self._jobs.clear()

    def wait_until_idle(self, seconds: float) -> None:
        """Wait until no action runs, but no longer than this many real seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._running == 0, seconds)

    def set_manual(self, manual: bool) -> None:
        """Choose whether actions run only when the clock is advanced."""
        with self._changed:
            self._manual = manual
            self._changed.notify_all()

    def start(self) -> None:
        """Start the thread that runs due actions. A second call does nothing."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run_jobs, name="simulated-time", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Stop the thread. Running actions can finish, and waiting actions are removed."""
        with self._changed:
            self._stopped = True
            self._jobs.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(_TIMEOUT)

    def _count_advance(self, step: int) -> None:
        with self._changed:
            self._advancing += step
            self._changed.notify_all()

    def _move_clock_to(self, moment: datetime) -> None:
        self._offset += max(moment - self.now(), timedelta())

    def _next_due(self, target: datetime) -> _Job | None:
        with self._changed:
            if not self._jobs or self._jobs[0].due > target:
                return None
            job = heapq.heappop(self._jobs)
            self._move_clock_to(job.due)
            return job

    def _run_jobs(self) -> None:
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
        if self._manual or self._advancing or not self._jobs:
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
