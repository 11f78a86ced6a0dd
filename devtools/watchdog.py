"""Outlives the parent by a moment, to kill what it left: a process of its own, started by path.

It reads `+group` and `-group` lines, process groups that have come and gone. The end of its input is the
end of the parent, however that died; the groups still noted are killed.
"""

import os
import signal
from collections.abc import Iterable


def surviving(lines: Iterable[str]) -> set[int]:
    """Return the groups that were noted and not struck off when the lines end."""
    groups: set[int] = set()
    for line in lines:
        number = int(line[1:])
        if line[0] == "+":
            groups.add(number)
        else:
            groups.discard(number)
    return groups


def kill_group(group: int) -> None:
    """Kill every process of a group, if there is any left."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def watch(lines: Iterable[str]) -> None:
    """Kill what is left when the lines end; until then no signal but SIGKILL ends this."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    for group in surviving(lines):
        kill_group(group)


if __name__ == "__main__":
    import sys

    watch(sys.stdin)
