"""The exceptions that end a command early, with the text that the terminal shows.

DevtoolsError           one line says what is wrong and what to do; exit code 1
├── ProcessExited       the simulator, the service or the worker exited; the last lines of its log follow
├── TaskFailed          a migration or a token command failed; the last lines of its output follow
└── StepFailed          a step of a demo had an unexpected result
Stopped                 a person or the system requested a stop
"""

import signal
from collections.abc import Sequence


class DevtoolsError(Exception):
    """The command cannot continue. The message is for the terminal."""


class _WithLastLines(DevtoolsError):
    def __init__(self, message: str, last_lines: Sequence[str]) -> None:
        super().__init__("\n".join([message, *(f"  | {line}" for line in last_lines)]))


class ProcessExited(_WithLastLines):
    """A program exited before the supervisor stopped it."""


class TaskFailed(_WithLastLines):
    """A command that must succeed exited with an error."""


class StepFailed(DevtoolsError):
    """A step of a demo had an unexpected result."""


class Stopped(Exception):
    """A signal requested a stop."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"stopped by {signal.Signals(number).name}")


def exit_reason(code: int) -> str:
    """Return a process's exit code in words. A negative code is a signal's number."""
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
