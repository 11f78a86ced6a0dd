"""A fast Daraja that accepts every push at once (or after a delay); it is also a receiver of webhooks.

It checks nothing and posts no callbacks; the simulator does that.

    python -m benchmarks.stub --port 5300 [--delay 2]

`GET /pushes` returns the pushes since the last such request, so that the benchmark can post their callbacks.
"""

import argparse
import http.client
import itertools
import json
import socket
import socketserver
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.processes import Program
from devtools.ports import free_port

PUSHES = "/pushes"
PUSHES_KEPT = 20_000
_TOKEN = json.dumps({"access_token": "benchmark-token", "expires_in": "3599"}).encode()
_numbers = itertools.count(1)
_pushed: deque[tuple[bytes, dict[str, Any]]] = deque(maxlen=PUSHES_KEPT)
"""Bodies of pushes with their answers."""


@dataclass(frozen=True)
class Push:
    """An accepted push: the path of its callback URL, its ids, the phone and whole shillings."""

    callback_path: str
    merchant_id: str
    checkout_id: str
    phone: str
    amount: int


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256
    delay = 0.0


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Answer every request of one connection, until the client closes it."""
        sock: socket.socket = self.request
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        while True:
            head, found, rest = received.partition(b"\r\n\r\n")
            length = _length(head) if found else 0
            if found and len(rest) >= length:
                sock.sendall(self._answer(head, rest[:length]))
                received = rest[length:]
                continue
            piece = sock.recv(65_536)
            if not piece:
                return
            received += piece

    def _answer(self, head: bytes, body: bytes) -> bytes:
        first = head.split(b"\r\n", 1)[0]
        if first.startswith(f"GET {PUSHES} ".encode()):
            return _answer(json.dumps([asdict(push) for push in _take_pushes()]).encode())
        if first.startswith(b"GET"):
            return _answer(_TOKEN)
        if b"/stkpush/" not in first:
            return _answer(b"")
        time.sleep(self.server.delay)
        accepted = _accepted(next(_numbers))
        _pushed.append((body, accepted))
        return _answer(json.dumps(accepted).encode())


def _accepted(number: int) -> dict[str, Any]:
    return {
        "MerchantRequestID": f"29115-{number}-1",
        "CheckoutRequestID": f"ws_CO_{time.time_ns():020d}{number:08d}",
        "ResponseCode": "0",
        "ResponseDescription": "Success. Request accepted for processing",
        "CustomerMessage": "Success. Request accepted for processing",
    }


def _take_pushes() -> list[Push]:
    taken = [_pushed.popleft() for _ in range(len(_pushed))]
    return [_push(json.loads(body), accepted) for body, accepted in taken]


def _push(request: dict[str, Any], accepted: dict[str, Any]) -> Push:
    return Push(
        callback_path=urlsplit(request["CallBackURL"]).path,
        merchant_id=accepted["MerchantRequestID"],
        checkout_id=accepted["CheckoutRequestID"],
        phone=str(request["PhoneNumber"]),
        amount=int(request["Amount"]),
    )


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def _answer(body: bytes) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def start(logs: Path, delay: float = 0.0) -> Program:
    """Return a stub program that answers pushes after `delay` seconds."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.stub", "--port", str(port), "--delay", str(delay)]
    return Program(command, port, {}, logs / f"stub-{port}.log")


def pushes(port: int) -> list[Push]:
    """Return the pushes that the stub accepted since the last call, at most 20,000."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", PUSHES)
    found = json.load(connection.getresponse())
    connection.close()
    return [Push(**push) for push in found]


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stub")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before a push is answered")
    arguments = parser.parse_args()
    with _Server(("127.0.0.1", arguments.port), _Handler) as server:
        server.delay = arguments.delay
        server.serve_forever()


if __name__ == "__main__":
    main()
