"""Starting, watching and ending child processes, so that none is ever left behind.

Every child leads a session and so a process group of its own: Ctrl-C at the terminal reaches only this
process, and what a child started in turn ends with its group. Should this process be killed with SIGKILL,
the watchdog ends the groups.
"""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

from devtools import watchdog
from devtools.leash import Leash, send
from devtools.logtail import last_lines
from devtools.place import ROOT, shown_path
from devtools.problems import ChildDied, LocalProblem, TaskFailed, how_it_ended
from devtools.programs import Program
from devtools.stopping import StopRequest

PATIENCE = 40.0
"""Seconds that a start may take on a busy machine."""
_GRACE = 10.0
_LOOK = 0.05

# Waits for its cue, which comes once the watchdog knows of it; a parent that died meanwhile gives none.
_ON_CUE = ("/bin/sh", "-c", 'read -r cue && exec "$@" </dev/null', "sh")


@dataclass(frozen=True, slots=True)
class _Child:
    program: Program
    process: "subprocess.Popen[bytes]"


class Crew:
    """The children of one command; leaving its context ends them, the last one started first."""

    def __init__(self, stop: StopRequest, environment: Mapping[str, str]) -> None:
        self._stop = stop
        self._environment = dict(environment)
        self._children: list[_Child] = []

    def __enter__(self) -> Self:
        self._leash = Leash()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._children:
            self._end(self._children.pop().process)
        self._leash.let_go()

    def start(self, program: Program) -> None:
        """Start a program of the table, its output going to its log."""
        program.log.write_bytes(b"")
        with program.log.open("ab") as log:
            process = self._spawn(
                program.command, stdout=log, stderr=subprocess.STDOUT, env=program.environment
            )
        self._children.append(_Child(program, process))

    def check(self) -> None:
        """Raise ChildDied when a program has ended, or Stopped when a stop was asked for."""
        self._stop.check()
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                raise ChildDied(
                    f"The {child.program.name} ended by itself ({how_it_ended(code)});"
                    f" the last lines of {shown_path(child.program.log)}:",
                    last_lines(child.program.log),
                )

    def wait_until(self, ready: Callable[[], bool], program: Program) -> None:
        """Wait for a program. Raises ChildDied, Stopped, or LocalProblem when it takes too long."""
        deadline = time.monotonic() + PATIENCE
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise LocalProblem(
                    f"The {program.name} was not ready within {PATIENCE:.0f} s;"
                    f" see {shown_path(program.log)}."
                )
            self._stop.pause(_LOOK)
        self.check()

    def run_all(self, commands: Sequence[tuple[str, ...]]) -> list[str]:
        """Run commands side by side to their ends; return what each printed. Raises TaskFailed."""
        tasks = [self._spawn(one, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for one in commands]
        try:
            return [self._output(task, command) for task, command in zip(tasks, commands, strict=True)]
        finally:
            for task in tasks:
                self._end(task)

    def _output(self, task: "subprocess.Popen[bytes]", command: tuple[str, ...]) -> str:
        while True:
            try:
                printed, complained = task.communicate(timeout=_LOOK)
                break
            except subprocess.TimeoutExpired:
                self.check()
        if task.returncode != 0:
            said = (complained + printed).decode(errors="replace").splitlines()
            raise TaskFailed(f"{' '.join(command[2:])} failed ({how_it_ended(task.returncode)}):", said[-8:])
        return printed.decode().strip()

    def _spawn(
        self,
        command: Sequence[str],
        *,
        stdout: IO[bytes] | int,
        stderr: int,
        env: Mapping[str, str] | None = None,
    ) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(  # noqa: S603 (our own command)
            [*_ON_CUE, *command],
            cwd=ROOT,
            env=self._environment if env is None else env,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        self._leash.note(process.pid)
        send(process, b"go\n")
        if process.stdin is not None:
            process.stdin.close()
            process.stdin = None
        return process

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        if process.poll() is None:
            process.terminate()
            self._await_end(process)
        watchdog.kill_group(process.pid)
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        self._leash.strike(process.pid)

    def _await_end(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + _GRACE
        while process.poll() is None and time.monotonic() < deadline and not self._stop.urgent:
            time.sleep(_LOOK)
