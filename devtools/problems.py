"""What ends a command early, as exceptions with the text that the terminal shows.

LocalProblem          one line says what is wrong and what to do; exit code 1
├── ChildDied         simulator or service ended by itself; the last lines of its log follow
├── TaskFailed        a migration or a token could not be made; the last lines that it said follow
└── StepFailed        a step of the demo did not come out as it should
Stopped               a person or the system asked to stop
"""

import signal
from collections.abc import Sequence


class LocalProblem(Exception):
    """The command cannot go on; the message is for the terminal."""


class _WithLastLines(LocalProblem):
    def __init__(self, message: str, last_lines: Sequence[str]) -> None:
        super().__init__("\n".join([message, *(f"  | {line}" for line in last_lines)]))


class ChildDied(_WithLastLines):
    """A program of the table ended although nobody asked it to."""


class TaskFailed(_WithLastLines):
    """A command that must end well did not."""


class StepFailed(LocalProblem):
    """The demo met something else than it should have."""


class Stopped(Exception):
    """A signal asked to stop."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"stopped by {signal.Signals(number).name}")


def how_it_ended(code: int) -> str:
    """Return a process's exit code in words; a negative one is a signal's number."""
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"
