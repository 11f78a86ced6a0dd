"""Which ports of this machine are free."""

import random
import socket

from devtools.errors import DevtoolsError

HOST = "127.0.0.1"
UNASSIGNED = range(20_000, 32_000)
"""Ports below the range from which operating systems number outgoing connections."""
TRIES = 100


def require_free(port: int, variable: str) -> None:
    """Raise DevtoolsError, which names the variable to change, if no program can listen on `port`."""
    reason = _unusable_because(port)
    if reason is not None:
        other = port + 10 if port < 65_000 else port - 10
        raise DevtoolsError(
            f"Port {port} {reason}. Set {variable} to another port, for example {variable}={other}."
        )


def free_port() -> int:
    """Return a port on which no program listens and that no outgoing connection receives."""
    for port in random.sample(UNASSIGNED, TRIES):
        if _unusable_because(port) is None:
            return port
    raise DevtoolsError(f"None of {TRIES} ports of this machine is free.")


def _unusable_because(port: int) -> str | None:
    # As gunicorn and the simulator do: with SO_REUSEADDR, so that closing connections of an earlier run do
    # not count, and listening, because two sockets can be bound to a port on which only one can listen.
    try:
        socket.create_server((HOST, port)).close()
    except PermissionError:
        return "needs more permissions than you have"
    except OSError:
        return "is in use by another program"
    return None
