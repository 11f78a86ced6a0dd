"""The other side, as fast as it can be: a Daraja that takes every push at once (or after a while), and a
receiver that takes every webhook. Not the simulator: nothing is checked and nothing follows.

    python -m benchmarks.stub --port 5300 [--delay 2]
"""

import argparse
import itertools
import json
import socket
import socketserver
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.processes import Program
from devtools.ports import free_port

_TOKEN = json.dumps({"access_token": "benchmark-token", "expires_in": "3599"}).encode()
_numbers = itertools.count(1)


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256
    delay = 0.0


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Answer whatever comes on one connection, until it is closed."""
        sock: socket.socket = self.request
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        while True:
            head, found, rest = received.partition(b"\r\n\r\n")
            length = _length(head) if found else 0
            if found and len(rest) >= length:
                sock.sendall(self._answer(head))
                received = rest[length:]
                continue
            piece = sock.recv(65_536)
            if not piece:
                return
            received += piece

    def _answer(self, head: bytes) -> bytes:
        if head.startswith(b"GET"):
            return _answer(_TOKEN)
        if b"/stkpush/" not in head.split(b"\r\n", 1)[0]:
            return _answer(b"")
        time.sleep(self.server.delay)
        number = next(_numbers)
        return _answer(json.dumps(_accepted(number)).encode())


def _accepted(number: int) -> dict[str, Any]:
    return {
        "MerchantRequestID": f"29115-{number}-1",
        "CheckoutRequestID": f"ws_CO_{time.time_ns():020d}{number:08d}",
        "ResponseCode": "0",
        "ResponseDescription": "Success. Request accepted for processing",
        "CustomerMessage": "Success. Request accepted for processing",
    }


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
    """Return one as a program of its own, that answers pushes after `delay` seconds."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.stub", "--port", str(port), "--delay", str(delay)]
    return Program(command, port, {}, logs / f"stub-{port}.log")


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stub")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before a push is answered")
    arguments = parser.parse_args()
    with _Server(("127.0.0.1", arguments.port), _Handler) as server:
        server.delay = arguments.delay
        server.serve_forever()


if __name__ == "__main__":
    main()
