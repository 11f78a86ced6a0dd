"""Ports of this machine: is one free, and which?"""

import random
import socket

from devtools.problems import LocalProblem

HOST = "127.0.0.1"
UNASSIGNED = range(20_000, 32_000)
"""Below those that systems give to connections going out."""
TRIES = 100


def require_free(port: int, variable: str) -> None:
    """Raise LocalProblem, naming the variable to change, when nobody could listen on `port`."""
    reason = _unusable_because(port)
    if reason is not None:
        other = port + 10 if port < 65_000 else port - 10
        raise LocalProblem(
            f"Port {port} {reason}. Set {variable} to another, for example {variable}={other}."
        )


def free_port() -> int:
    """Return a port on which nobody listens, and that no connection going out is given meanwhile."""
    for port in random.sample(UNASSIGNED, TRIES):
        if _unusable_because(port) is None:
            return port
    raise LocalProblem(f"None of {TRIES} ports of this machine is free.")


def _unusable_because(port: int) -> str | None:
    # As gunicorn and the simulator do: with SO_REUSEADDR, so that connections of an earlier run that are
    # still dying do not count, and listening, since two sockets may be bound where only one may listen.
    try:
        socket.create_server((HOST, port)).close()
    except PermissionError:
        return "may not be used by you"
    except OSError:
        return "is taken by another program"
    return None
