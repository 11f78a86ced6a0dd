"""Starts the watchdog process, which ends the child processes if this process is killed."""

import subprocess
import sys

from devtools import watchdog_process


class Watchdog:
    """A running watchdog process and the process groups that it watches."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 (our own command)
            [sys.executable, "-I", "-S", watchdog_process.__file__],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        """Have a process group killed when this process is gone."""
        send(self._process, f"+{group}\n".encode())

    def unwatch(self, group: int) -> None:
        """Remove a group that has ended."""
        send(self._process, f"-{group}\n".encode())

    def close(self) -> None:
        """End the watchdog process and wait for it. It kills the groups that it still watches."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def send(process: "subprocess.Popen[bytes]", data: bytes) -> None:
    """Write to a process's input without a delay. A process that has ended is ignored."""
    if process.stdin is None:
        return
    try:
        process.stdin.write(data)
    except BrokenPipeError:
        return
