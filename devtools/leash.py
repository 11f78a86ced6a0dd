"""The parent's end of the watchdog: which process groups it shall end, should this process be killed."""

import subprocess
import sys

from devtools import watchdog


class Leash:
    """A running watchdog; `let_go` ends it, and it ends what is still noted."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 (our own command)
            [sys.executable, "-I", "-S", watchdog.__file__],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def note(self, group: int) -> None:
        """Have a group killed when this process is gone."""
        send(self._process, f"+{group}\n".encode())

    def strike(self, group: int) -> None:
        """Forget a group that has ended."""
        send(self._process, f"-{group}\n".encode())

    def let_go(self) -> None:
        """End the watchdog, and wait for it."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def send(process: "subprocess.Popen[bytes]", data: bytes) -> None:
    """Write to a process's input at once; one that has ended does not mind."""
    if process.stdin is None:
        return
    try:
        process.stdin.write(data)
    except BrokenPipeError:
        return
