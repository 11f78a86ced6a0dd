"""A name server that lies: NAME is the allowed address when it is looked at, and another one right after."""

import itertools
import socket
from typing import Any

NAME = "rebinding.test"
ALLOWED, FORBIDDEN = "127.0.0.77", "127.0.0.1"


def install() -> None:
    """Make this process resolve NAME alternately to ALLOWED and FORBIDDEN."""
    inner = socket.getaddrinfo
    hosts = itertools.cycle([ALLOWED, FORBIDDEN])

    def alternating(host: Any, *arguments: Any, **named: Any) -> Any:
        return inner(next(hosts) if host == NAME else host, *arguments, **named)

    socket.getaddrinfo = alternating
