"""Child processes that are never left behind: each leads a group, and every group is killed at the end."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from devtools.leash import Leash

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


class Leashed:
    """The watchdog that kills every group should this very process be killed; made when first needed."""

    _leash: Leash | None = None

    @classmethod
    def note(cls, group: int) -> None:
        cls._leash = cls._leash or Leash()
        cls._leash.note(group)

    @classmethod
    def strike(cls, group: int) -> None:
        if cls._leash is not None:
            cls._leash.strike(group)

    @classmethod
    def let_go(cls) -> None:
        if cls._leash is not None:
            cls._leash.let_go()
            cls._leash = None


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
        Leashed.note(self._process.pid)

    def behead(self) -> None:
        """Kill the leader alone; what it started lives on, orphaned, until `kill`."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)  # not waited for yet: the number stays taken

    def kill(self) -> None:
        """Kill the whole group at once, and wait for its leader."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            Leashed.strike(self._process.pid)
            self._process = None


def wait_for(ready: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Look until `ready` says so; fail with `what` is missing."""
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.1)


def kill_one(pid: int) -> bool:
    """Kill one process; tell whether it was there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
