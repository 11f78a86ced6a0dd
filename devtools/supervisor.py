"""Starts, checks and ends child processes, and leaves none behind.

Every child leads its own session and process group. Ctrl-C in the terminal therefore reaches only this
process, and the processes that a child started end with its group. If this process is killed with SIGKILL,
the watchdog ends the groups.
"""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

from devtools import watchdog_process
from devtools.errors import DevtoolsError, ProcessExited, TaskFailed, exit_reason
from devtools.log_tail import last_lines
from devtools.paths import ROOT, shown_path
from devtools.programs import Program
from devtools.stop_request import StopRequest
from devtools.watchdog import Watchdog, send

START_TIMEOUT = 40.0
"""Seconds that a start can take on a busy machine."""
_TERMINATION_TIMEOUT = 10.0
_POLL_INTERVAL = 0.05

# The child waits for a line that the parent sends once the watchdog knows the child. If the parent dies
# before that, the line never comes and the child ends.
_AFTER_A_LINE = ("/bin/sh", "-c", 'read -r line && exec "$@" </dev/null', "sh")


@dataclass(frozen=True, slots=True)
class _Child:
    program: Program
    process: "subprocess.Popen[bytes]"


class Supervisor:
    """The child processes of one command. Leaving its context ends them, the newest first."""

    def __init__(self, stop: StopRequest, environment: Mapping[str, str]) -> None:
        self._stop = stop
        self._environment = dict(environment)
        self._children: list[_Child] = []

    def __enter__(self) -> Self:
        self._watchdog = Watchdog()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._children:
            self._end(self._children.pop().process)
        self._watchdog.close()

    def start(self, program: Program) -> None:
        """Start a program and write its output to its log."""
        program.log.write_bytes(b"")
        with program.log.open("ab") as log:
            process = self._spawn(
                program.command, stdout=log, stderr=subprocess.STDOUT, env=program.environment
            )
        self._children.append(_Child(program, process))

    def check(self) -> None:
        """Raise ProcessExited if a program has exited, or Stopped if a stop was requested."""
        self._stop.check()
        for child in self._children:
            code = child.process.poll()
            if code is not None:
                raise ProcessExited(
                    f"The {child.program.name} exited unexpectedly ({exit_reason(code)});"
                    f" the last lines of {shown_path(child.program.log)}:",
                    last_lines(child.program.log),
                )

    def wait_until(self, ready: Callable[[], bool], program: Program) -> None:
        """Wait for a program. Raises ProcessExited, Stopped, or DevtoolsError after a time-out."""
        deadline = time.monotonic() + START_TIMEOUT
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise DevtoolsError(
                    f"The {program.name} was not ready within {START_TIMEOUT:.0f} s;"
                    f" see {shown_path(program.log)}."
                )
            self._stop.pause(_POLL_INTERVAL)
        self.check()

    def run_all(self, commands: Sequence[tuple[str, ...]]) -> list[str]:
        """Run commands in parallel and return the output of each. Raises TaskFailed."""
        tasks = [self._spawn(one, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for one in commands]
        try:
            return [self._output(task, command) for task, command in zip(tasks, commands, strict=True)]
        finally:
            for task in tasks:
                self._end(task)

    def _output(self, task: "subprocess.Popen[bytes]", command: tuple[str, ...]) -> str:
        while True:
            try:
                printed, errors = task.communicate(timeout=_POLL_INTERVAL)
                break
            except subprocess.TimeoutExpired:
                self.check()
        if task.returncode != 0:
            lines = (errors + printed).decode(errors="replace").splitlines()
            raise TaskFailed(f"{' '.join(command[2:])} failed ({exit_reason(task.returncode)}):", lines[-8:])
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
            [*_AFTER_A_LINE, *command],
            cwd=ROOT,
            env=self._environment if env is None else env,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        self._watchdog.watch(process.pid)
        send(process, b"go\n")
        if process.stdin is not None:
            process.stdin.close()
            process.stdin = None
        return process

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        if process.poll() is None:
            process.terminate()
            self._await_end(process)
        watchdog_process.kill_group(process.pid)
        process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        self._watchdog.unwatch(process.pid)

    def _await_end(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + _TERMINATION_TIMEOUT
        while process.poll() is None and time.monotonic() < deadline and not self._stop.urgent:
            time.sleep(_POLL_INTERVAL)
