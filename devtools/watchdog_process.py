"""The watchdog process: it kills the process groups that its parent leaves behind.

It runs from its path, as a process of its own. It reads `+group` and `-group` lines: groups that have started
and ended. Its input ends when the parent ends, whatever the reason. Then it kills the groups that are left.
"""

import os
import signal
from collections.abc import Iterable


def surviving(lines: Iterable[str]) -> set[int]:
    """Return the groups that were added and not removed when the lines end."""
    groups: set[int] = set()
    for line in lines:
        number = int(line[1:])
        if line[0] == "+":
            groups.add(number)
        else:
            groups.discard(number)
    return groups


def kill_group(group: int) -> None:
    """Kill every process of a group that still exists."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def watch(lines: Iterable[str]) -> None:
    """Kill the surviving groups when the lines end. Until then, only SIGKILL ends this process."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for group in surviving(lines):
        kill_group(group)


if __name__ == "__main__":
    import sys

    watch(sys.stdin)
