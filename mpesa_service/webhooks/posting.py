"""One POST to a checked address, within one time limit for the whole exchange.

The connection goes to the address that was checked; the Host header, SNI and the certificate use the name.
Redirects, proxies from the environment, cookies and retries are not supported.
"""

import functools
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse

import certifi

from mpesa_service.deadlines import Deadline
from mpesa_service.webhooks.addresses import (
    AddressRefused,
    Network,
    Resolve,
    Target,
    permitted_addresses,
    read_target,
    system_resolve,
)

TIMEOUT_SECONDS = 15.0
CONNECT_SECONDS = 5.0
MAX_BODY_BYTES = 64 * 1024


@dataclass(frozen=True)
class ReceiverAnswer:
    """The result of a POST: a status with the start of the body, or an error in words."""

    status: int | None = None
    error: str | None = None
    body: bytes = b""
    retry_after: str | None = None

    @property
    def is_received(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Poster:
    """Posts bytes to web addresses. Safe to share between threads. `seconds` limits one whole POST."""

    def __init__(
        self,
        networks: Sequence[Network],
        *,
        resolve: Resolve = system_resolve,
        seconds: float = TIMEOUT_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._networks = networks
        self._resolve = resolve
        self._seconds = seconds
        self._tls = tls

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> ReceiverAnswer:
        """Send once. Errors of the receiver or the network are returned, not raised."""
        with _SocketDeadline(self._seconds) as deadline:
            try:
                target = read_target(url)
                addresses = permitted_addresses(target, self._networks, self._resolve)
                connection = _PinnedConnection(target, addresses, deadline, self._tls)
                return _exchange(connection, target.path, body, headers, deadline)
            except AddressRefused as refusal:
                return ReceiverAnswer(error=str(refusal))
            except (OSError, HTTPException, ValueError) as error:
                if deadline.expired:
                    return ReceiverAnswer(error=f"No answer within {self._seconds:g} seconds.")
                return ReceiverAnswer(error=f"No answer: {_in_words(error)}.")


def _exchange(
    connection: "_PinnedConnection",
    path: str,
    body: bytes,
    headers: Mapping[str, str],
    deadline: "_SocketDeadline",
) -> ReceiverAnswer:
    with closing(connection):
        connection.request("POST", path, body, dict(headers))
        with connection.getresponse() as response:
            if deadline.expired:  # headers that the deadline cuts off look complete
                raise TimeoutError
            return ReceiverAnswer(
                response.status, body=_start_of(response), retry_after=response.getheader("Retry-After")
            )


def _start_of(response: HTTPResponse) -> bytes:
    """Read the start of the body. The status has arrived already, so an error in the body changes nothing."""
    body = bytearray()
    with suppress(OSError, HTTPException, ValueError):
        while len(body) < MAX_BODY_BYTES and (piece := response.read1(MAX_BODY_BYTES - len(body))):
            body += piece
    return bytes(body)


def _in_words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the certificate is not valid for this host"
    if isinstance(error, ssl.SSLError):
        return "TLS failed"
    if isinstance(error, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(error, OSError):
        return "the connection failed or broke"
    return "the response was not HTTP"


class _SocketDeadline(Deadline):
    """A deadline that ends any wait of a connection, a TLS handshake included.

    It shuts a duplicate of the socket down, because TLS detaches the original socket.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self._held: socket.socket | None = None

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        if self._held is not None:
            self._held.close()

    def hold(self, sock: socket.socket) -> None:
        """Watch a duplicate of a socket. Call this before the TLS handshake."""
        self._held = sock.dup()
        self.watch(self._held)


class _PinnedConnection(HTTPConnection):
    """A connection by name that goes to the first of the given addresses that accepts it."""

    def __init__(
        self, target: Target, addresses: Sequence[str], deadline: _SocketDeadline, tls: ssl.SSLContext | None
    ) -> None:
        self._secure = target.scheme == "https"
        self.default_port = 443 if self._secure else 80
        super().__init__(target.host, target.port)
        self._addresses = addresses
        self._deadline = deadline
        self._tls = tls

    def connect(self) -> None:
        sock = self._reach()
        self._deadline.hold(sock)
        sock.settimeout(self._deadline.left() + 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # send the body directly after the headers
        if self._secure:
            sock = (self._tls or _trusted()).wrap_socket(sock, server_hostname=self.host)
        self.sock = sock

    def _reach(self) -> socket.socket:
        failure: OSError = TimeoutError("no time is left to connect")
        for address in self._addresses:
            if self._deadline.expired:
                break
            try:
                wait = min(CONNECT_SECONDS, self._deadline.left())
                return socket.create_connection((address, self.port), timeout=wait)
            except OSError as error:
                failure = error
        raise failure


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Trust the system's certificates (or SSL_CERT_FILE) and Mozilla's, since containers may have none."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context
