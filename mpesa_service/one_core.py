"""A web process on one core at a time, and on one that others leave free (Linux).

Threads of one Python process take turns. Left to itself the system spreads them over all cores, so that each
turn wakes another core, which costs a third of the process's time (docs/decisions/0025). From a core that it
is to stay on the system does not move it, whoever else is busy there, so the process looks once in a while,
and moves by itself. A leaf.
"""

import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

STAT = Path("/proc/stat")
THREADS = Path("/proc/self/task")
MARGIN = 0.25
"""Of a core: another one must be freer by so much, or the process stays."""
PAUSE_SECONDS = (1.0, 3.0)
"""From one look to the next, at random: two processes that share a core must not leave it together."""
_UNKNOWN = (OSError, LookupError, ValueError)
"""A sandbox may forbid all of this, or tell of it in its own way."""
_BUSY = (0, 1, 2, 5, 6, 7)
"""Fields of a core's line in /proc/stat, see proc_stat(5): user, nice, system, irq, softirq, steal."""


@dataclass(frozen=True)
class Reading:
    """Seconds up to a moment: busy ones of each core, and those that this process was at work."""

    at: float
    busy: Mapping[int, float]
    own: float


def busy_seconds(stat: str, ticks_a_second: int) -> dict[int, float]:
    """Return the busy seconds of each core, from the text of /proc/stat."""
    lines = (line.split() for line in stat.splitlines() if line.startswith("cpu"))
    cores = ((name.removeprefix("cpu"), fields) for name, *fields in lines)
    return {
        int(core): sum(int(fields[place]) for place in _BUSY) / ticks_a_second
        for core, fields in cores
        if core
    }


def read() -> Reading:
    """Read what the system says now."""
    busy = busy_seconds(STAT.read_text(), os.sysconf("SC_CLK_TCK"))
    return Reading(time.monotonic(), busy, time.process_time())


def freest(core: int, cores: Iterable[int], before: Reading, after: Reading) -> int:
    """Return the core to go on with: this one, unless others left another so much freer."""
    seconds = after.at - before.at
    known = [one for one in cores if one in before.busy and one in after.busy]
    if core not in known or seconds <= 0:
        return core
    others = {one: (after.busy[one] - before.busy[one]) / seconds for one in known}
    others[core] -= (after.own - before.own) / seconds
    best = min(known, key=others.__getitem__)
    return best if others[core] - others[best] > MARGIN else core


class OneCore:
    """Keeps all threads of this process on one of `cores`."""

    def __init__(
        self,
        cores: Sequence[int],
        core: int,
        *,
        read: Callable[[], Reading] = read,
    ) -> None:
        self.core = core
        self._cores = cores
        self._read = read
        self._last = read()
        if missing := set(cores) - set(self._last.busy):
            raise LookupError(f"{STAT} does not tell of core {min(missing)}")
        self._hold()

    def look(self) -> None:
        """Move if another core is freer by now; what a thread began meanwhile is moved too."""
        now = self._read()
        core = freest(self.core, self._cores, self._last, now)
        if core != self.core:
            log.debug("moves to another core", extra={"core": core})
        self.core, self._last = core, now
        self._hold()

    def follow(self, wait: Callable[[float], object] = time.sleep) -> None:
        """Look as long as the process lives, or until the system says no: then it decides again."""
        try:
            while True:
                wait(random.uniform(*PAUSE_SECONDS))
                self.look()
        except _UNKNOWN as error:
            _leave_to_the_system(self._cores, error)

    def _hold(self) -> None:
        _hold([self.core])


def stay(number: int) -> OneCore | None:
    """Keep this process on one core from now on, and follow; None where there is no choice.

    It begins on core `number`, counted round and round: siblings have numbers that follow on each other.
    """
    if not hasattr(os, "sched_setaffinity"):
        return None
    cores: list[int] = []
    try:
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) == 1:
            return None
        kept = OneCore(cores, cores[number % len(cores)])
    except _UNKNOWN as error:
        _leave_to_the_system(cores, error)
        return None
    threading.Thread(target=kept.follow, name="one-core", daemon=True).start()
    return kept


def _hold(cores: Iterable[int]) -> None:
    """Hold each thread by itself: a new one begins where the one that starts it is."""
    chosen = list(cores)
    for thread in THREADS.iterdir():
        with suppress(ProcessLookupError):  # it has ended
            os.sched_setaffinity(int(thread.name), chosen)


def _leave_to_the_system(cores: Iterable[int], error: Exception) -> None:
    log.warning("cores are left to the system", extra={"reason": str(error)})
    with suppress(OSError):
        _hold(cores)
