"""Receivers of webhooks as they are in the world: well, moody, hanging, dripping, redirecting, gone."""

import random
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from http.client import parse_headers
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError, webhooks

from tests.battery.clocks import SharedClock
from tests.battery.sizes import SEED
from tests.support.receivers import ReceivedRequest, Reply, answering, raw_receiver

LIKELY = 0.3
DRIP = 0.1
LONGEST_HANG = 60.0


@dataclass
class Party:
    """One receiver: how it behaves, and what it got. It verifies each request when that arrives."""

    kind: str
    behave: Callable[[ReceivedRequest], Reply]
    clock: SharedClock
    secret: str = ""
    endpoint: str = ""
    requests: int = 0
    not_verified: list[str] = field(default_factory=list)
    accepted: set[str] = field(default_factory=set)
    bodies: defaultdict[str, set[bytes]] = field(default_factory=lambda: defaultdict(set))
    arrived: dict[str, datetime] = field(default_factory=dict)
    """When each event came for the first time."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, got: ReceivedRequest) -> Reply:
        self.note(got)
        reply = self.behave(got)
        if 200 <= reply[0] < 300:
            self.accept(got)
        return reply

    def note(self, got: ReceivedRequest) -> None:
        try:
            Webhook(self.secret).verify(got.body, got.headers)
        except WebhookVerificationError as error:
            self.not_verified.append(f"{got.headers.get('webhook-id')}: {error}")
        with self._lock:
            self.requests += 1
            self.bodies[got.id].add(got.body)
            self.arrived.setdefault(got.id, self.clock())

    def accept(self, got: ReceivedRequest) -> None:
        with self._lock:
            self.accepted.add(got.id)


def library_on(clock: SharedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the published library, which refuses old and new timestamps, look at our clock."""

    class Now(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return clock()

    monkeypatch.setattr(webhooks, "datetime", Now)


def sometimes_failing() -> Callable[[ReceivedRequest], Reply]:
    chance = random.Random(SEED)
    return lambda _got: (500 if chance.random() < LIKELY else 204, {}, b"")


def failing_until(
    then: Callable[[ReceivedRequest], Reply], well: threading.Event
) -> Callable[[ReceivedRequest], Reply]:
    """Behave like `then` until it is `well`."""
    return lambda got: answering(204)(got) if well.is_set() else then(got)


def hanging(over: threading.Event) -> Callable[[ReceivedRequest], Reply]:
    def behave(_got: ReceivedRequest) -> Reply:
        over.wait(LONGEST_HANG)
        return 500, {}, b""

    return behave


def dripping(party: Party, well: threading.Event) -> AbstractContextManager[str]:
    """A slow-loris: its headers never end. It answers as it should once it is well."""

    def script(connection: socket.socket) -> None:
        got = _request(connection)
        party.note(got)
        if well.is_set():
            party.accept(got)
            connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            connection.close()
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while True:  # until the other side closes
            connection.sendall(b"x")
            time.sleep(DRIP)

    return raw_receiver(script)


def _request(connection: socket.socket) -> ReceivedRequest:
    with connection.makefile("rb") as file:
        path = file.readline().decode().split()[1]
        headers = {name.lower(): value for name, value in parse_headers(file).items()}
        return ReceivedRequest(path, headers, file.read(int(headers["content-length"])), "")
