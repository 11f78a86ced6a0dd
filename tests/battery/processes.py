"""Child processes that are never left behind: each leads a group, and every group is killed at the end."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devtools.watchdog import Watchdog

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


class Watched:
    """The watchdog that kills every group should this very process be killed; made when first needed."""

    _watchdog: Watchdog | None = None

    @classmethod
    def watch(cls, group: int) -> None:
        cls._watchdog = cls._watchdog or Watchdog()
        cls._watchdog.watch(group)

    @classmethod
    def unwatch(cls, group: int) -> None:
        if cls._watchdog is not None:
            cls._watchdog.unwatch(group)

    @classmethod
    def close(cls) -> None:
        if cls._watchdog is not None:
            cls._watchdog.close()
            cls._watchdog = None


class Child:
    """A program that can be started again after it was killed; its output goes to a file."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self._command, self._env, self.log = list(command), dict(env), log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        Watched.watch(self._process.pid)

    def kill_master(self) -> None:
        """Kill the leader alone; what it started lives on, orphaned, until `kill`."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)  # not waited for yet: the number stays taken

    def kill(self) -> None:
        """Kill the whole group at once, and wait for its leader."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            Watched.unwatch(self._process.pid)
            self._process = None


def wait_for(ready: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Look until `ready` says so; fail with `what` is missing."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.1)


def kill_one(pid: int) -> bool:
    """Kill one process; return whether it existed."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
