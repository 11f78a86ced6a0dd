"""The load generator: keep-alive connections that each send the next request after the last response.

One thread and one epoll. A request costs it about twenty microseconds, the same for every server. It sends
each of the given requests once, and stops.
"""

import select
import socket
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.wire import answer_length, status

PATIENCE = 60.0


@dataclass
class Driven:
    """The result of a load: its seconds, a latency in seconds for each request, and the statuses."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list, repr=False)
    statuses: Counter[int] = field(default_factory=Counter)

    def all_are(self, *expected: int) -> "Driven":
        """Return this result; raise RuntimeError if a response had another status."""
        if set(self.statuses) - set(expected):
            raise RuntimeError(f"expected {expected}, got {dict(self.statuses)}")
        return self


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.length: int | None = None
        self.sent_at = 0.0

    def send(self, request: bytes) -> None:
        self.received.clear()
        self.length = None
        self.sent_at = time.perf_counter()
        self.socket.sendall(request)

    def is_answered(self) -> bool:
        piece = self.socket.recv(262_144)
        if not piece:
            raise ConnectionError("the server closed a connection")
        self.received += piece
        if self.length is None:
            self.length = answer_length(self.received)
        return self.length is not None and len(self.received) >= self.length


def drive(port: int, requests: Sequence[bytes], connections: int) -> Driven:
    """Send every request once over this number of connections, as fast as the server responds."""
    driven = Driven()
    waiting = iter(requests)
    opened = [_Connection(port) for _ in range(min(connections, len(requests)))]
    with select.epoll() as poll:
        by_handle = {connection.socket.fileno(): connection for connection in opened}
        started = time.perf_counter()
        for handle, connection in by_handle.items():
            poll.register(handle, select.EPOLLIN)
            connection.send(next(waiting))
        _answer_all(poll, by_handle, waiting, driven)
        driven.seconds = time.perf_counter() - started
    for connection in opened:
        connection.socket.close()
    return driven


def _answer_all(
    poll: select.epoll, by_handle: dict[int, _Connection], waiting: Iterator[bytes], driven: Driven
) -> None:
    under_way = len(by_handle)
    while under_way:
        events = poll.poll(PATIENCE)
        if not events:
            raise TimeoutError(f"no answer within {PATIENCE:.0f} seconds")
        for handle, _ in events:
            connection = by_handle[handle]
            if not connection.is_answered():
                continue
            driven.latencies.append(time.perf_counter() - connection.sent_at)
            driven.statuses[status(connection.received)] += 1
            following = next(waiting, None)
            if following is None:
                under_way -= 1
            else:
                connection.send(following)
