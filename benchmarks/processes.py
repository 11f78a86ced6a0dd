"""Programs that are measured: each runs in its own process group, and is always ended."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from devtools.watchdog import Watchdog

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 60.0
_TICK = os.sysconf("SC_CLK_TCK")
_libc = ctypes.CDLL(None)
_watchdog: list[Watchdog] = []


class Program:
    """A program that listens on `port`, as a context manager; its output goes to a file.

    With `on_one_core` it and all that it starts stays on the first core. Those of a virtual machine differ,
    so that contestants on different ones could not be compared.
    """

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        env: Mapping[str, str],
        log: Path,
        *,
        cwd: Path = ROOT,
        on_one_core: bool = False,
    ) -> None:
        self.port = port
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        if not _watchdog:
            _watchdog.append(Watchdog())
        _watchdog[0].watch(self._process.pid)
        if on_one_core and hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(self._process.pid, [min(os.sched_getaffinity(0))])

    def __enter__(self) -> Self:
        try:
            wait_for(self._listens, f"port {self.port}; see {self._log}")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the whole group with SIGTERM, and with SIGKILL after five seconds."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        _watchdog[0].unwatch(self._process.pid)

    def cpu(self) -> float:
        """Return the CPU seconds of the program and its children so far."""
        return cpu_of(self._process.pid)

    def memory(self) -> float:
        """Return the resident memory of its largest process, in MiB."""
        return max(memory_of(pid) for pid in family(self._process.pid))

    def _listens(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"a program ended at its start; see {self._log}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


def wait_for(ready: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Call `ready` until it returns true; raise TimeoutError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.05)


def family(pid: int) -> list[int]:
    """Return the ids of a process and of all its living descendants."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(OSError):
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of a process and its descendants, including those that have ended."""
    return sum(_cpu_of_one(member) for member in family(pid))


def _cpu_of_one(pid: int) -> float:
    """Return a process's own time to the nanosecond, and its ended children's to the tick.

    A round can be a few ticks long, too short for a comparison by ticks. The children's time is in fields 16
    and 17 of `stat`; less than a tick is lost for each that ended since the last reading.
    """
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return _clock_of(pid) + sum(int(field) for field in fields[13:15]) / _TICK
    return 0.0


def _clock_of(pid: int) -> float:
    """Return the process's CPU clock, see clock_getcpuclockid(3); raise OSError if the process has ended."""
    clock = ctypes.c_int()
    if error := _libc.clock_getcpuclockid(pid, ctypes.byref(clock)):
        raise OSError(error, os.strerror(error))
    return time.clock_gettime(clock.value)


def memory_of(pid: int) -> float:
    """Return the resident memory of a process, in MiB; 0 if it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
    return 0.0
