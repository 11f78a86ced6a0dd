"""Real receivers of webhooks on loopback: some answer, some hang, some misbehave."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Reply = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it came; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    peer: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """An HTTP server that notes what it gets and answers what `reply` returns."""

    reply: Callable[[ReceivedRequest], Reply] = lambda _got: (204, {}, b"")
    got: list[ReceivedRequest] = field(default_factory=list)
    url: str = ""
    port: int = 0
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int) -> None:
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.got) >= count, timeout=20), self.got

    def take(self, got: ReceivedRequest) -> Reply:
        with self.arrived:
            self.got.append(got)
            self.arrived.notify_all()
        return self.reply(got)


def answering(status: int, body: bytes = b"", **headers: str) -> Callable[[ReceivedRequest], Reply]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _got: (status, named, body)


_NO_CONTENT = answering(204)


@contextmanager
def receiver(
    reply: Callable[[ReceivedRequest], Reply] = _NO_CONTENT,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> Iterator[Receiver]:
    """Run a receiver for the length of the block."""
    found = Receiver(reply)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, answer_headers, answer = found.take(
                ReceivedRequest(self.path, headers, body, self.connection.getpeername()[0])
            )
            with suppress(OSError):
                self.send_response(status)
                for name, value in {"Content-Length": str(len(answer)), **answer_headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        request_queue_size = 64

        def handle_error(self, *_: Any) -> None:
            return

    server = Server((host, 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    found.port = server.server_address[1]
    scheme = "http" if tls is None else "https"
    name = f"[{host}]" if ":" in host else host
    found.url = f"{scheme}://{name}:{found.port}/hooks"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def raw_receiver(script: Callable[[socket.socket], None]) -> Iterator[str]:
    """Run `script` on every connection; yields the address. What the script holds is closed at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def talk(connection: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError):
            script(connection)

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connections.append(connection)
                threads.append(threading.Thread(target=talk, args=[connection]))
                threads[-1].start()

    server = threading.Thread(target=serve)
    server.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        server.join()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in threads:
            thread.join()
