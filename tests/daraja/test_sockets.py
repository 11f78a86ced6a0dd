"""Real sockets on the loopback: servers that refuse, reset, drip, flood, stop half-way or stall."""

import contextlib
import socket
import ssl
import struct
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from mpesa_service.daraja.deadline import CallDeadline
from mpesa_service.daraja.errors import NotSent, OutcomeUnknown
from mpesa_service.daraja.transport import Call, Transport, new_session

READ_TIMEOUT = 0.3
GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"ResponseCode": "0"}'


class Server:
    """Accepts connections and runs `script(connection)` on each after reading the request."""

    def __init__(self, script, tls=None) -> None:
        self.script = script
        self.tls = tls
        self.accepted = 0
        self.stop = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(0.05)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    @property
    def url(self) -> str:
        scheme = "http" if self.tls is None else "https"
        return "{}://{}:{}".format(scheme, *self.listener.getsockname())

    def run(self) -> None:
        while not self.stop.is_set():
            with contextlib.suppress(OSError):
                connection, _ = self.listener.accept()
                self.accepted += 1
                connection.settimeout(2)
                if self.tls is not None:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                with connection:
                    receive(connection)
                    self.script(connection, self.stop)

    def close(self) -> None:
        self.stop.set()
        self.thread.join()
        self.listener.close()


@pytest.fixture
def serve():
    servers, transports = [], []

    def start(script, tls=None, trusted=True):
        servers.append(Server(script, tls))
        session = new_session()
        session.verify = trusted
        url = servers[-1].url
        transport = Transport(url, connect_timeout=1.0, read_timeout=READ_TIMEOUT, session=session)
        transports.append(transport)
        return transport, servers[-1]

    yield start
    for transport in transports:
        transport.close()
    for server in servers:
        server.close()


def receive(connection):
    """Read a request to its end, which is the two bytes of an empty object."""
    data = b""
    while not data.endswith(b"\r\n\r\n{}"):
        piece = connection.recv(65536)
        if not piece or piece.startswith(b"\x16"):  # gone, or a TLS handshake
            return
        data += piece


def push(transport):
    return transport.call(
        Call(operation="stk_push", method="POST", path="/x", authorization="Bearer t", body={})
    )


def fails(transport, verdict=OutcomeUnknown):
    """Return the error of a push; without a working deadline some tests would never end."""
    with pytest.raises(verdict) as caught:
        push(transport)
    return caught.value


def drip(connection, stop, piece):
    while not stop.is_set():
        connection.sendall(piece)
        time.sleep(0.02)


def test_an_answer(serve):
    transport, _ = serve(lambda connection, stop: connection.sendall(GOOD))
    assert push(transport).body == {"ResponseCode": "0"}


def test_a_connection_is_used_again(serve):
    def twice(connection, stop):
        connection.sendall(GOOD)
        receive(connection)
        connection.sendall(GOOD)

    transport, server = serve(twice)
    push(transport)
    push(transport)
    assert server.accepted == 1


def test_nobody_listens(serve):
    transport, server = serve(lambda connection, stop: None)
    server.close()
    assert "ConnectionError" in str(fails(transport, NotSent))


def test_a_name_that_does_not_resolve():
    assert "ConnectionError" in str(fails(Transport("http://daraja.invalid"), NotSent))


def test_no_tls_at_the_other_end(serve):
    def plain(connection, stop):
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    _, server = serve(plain)
    over_tls = Transport(server.url.replace("http", "https"), read_timeout=READ_TIMEOUT)
    assert "SSLError" in str(fails(over_tls, NotSent))


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A server's TLS context, and the file that a client must trust to talk to it."""
    folder = tmp_path_factory.mktemp("tls")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    (folder / "trusted.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context, str(folder / "trusted.pem")


def test_an_answer_over_tls(serve, authority):
    context, trusted = authority
    transport, _ = serve(lambda connection, stop: connection.sendall(GOOD), context, trusted)
    assert push(transport).body == {"ResponseCode": "0"}


def test_a_certificate_that_nobody_vouches_for(serve, authority):
    context, _ = authority
    transport, _ = serve(lambda connection, stop: connection.sendall(GOOD), context)
    assert "SSLError" in str(fails(transport, NotSent))


def test_a_body_that_drips_over_tls(serve, authority):
    def script(connection, stop):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
        drip(connection, stop, b" ")

    context, trusted = authority
    transport, _ = serve(script, context, trusted)
    assert fails(transport).http_status == 200


def test_the_session_works_without_a_deadline(serve):
    _, server = serve(lambda connection, stop: connection.sendall(GOOD))
    with new_session() as session:
        assert session.post(server.url, json={}, timeout=1).json() == {"ResponseCode": "0"}


def test_a_reset_after_sending(serve):
    def reset(connection, stop):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    transport, _ = serve(reset)
    assert fails(transport).http_status is None


def test_closed_without_a_word(serve):
    transport, _ = serve(lambda connection, stop: None)
    assert fails(transport).http_status is None


def test_silence(serve):
    transport, _ = serve(lambda connection, stop: stop.wait(2))
    assert "ReadTimeout" in str(fails(transport))


def test_headers_that_drip(serve):
    def script(connection, stop):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        drip(connection, stop, b"a")

    transport, _ = serve(script)
    fails(transport)


def test_a_body_that_drips(serve):
    def script(connection, stop):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{")
        drip(connection, stop, b" ")

    transport, _ = serve(script)
    assert fails(transport).http_status == 200


def test_a_body_that_is_cut_off_by_our_own_deadline_is_no_answer(serve):
    def script(connection, stop):  # no length: our hanging up looks like a proper end
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}")
        drip(connection, stop, b" ")

    transport, _ = serve(script)
    assert fails(transport).http_status == 200


def test_an_endless_body(serve):
    def script(connection, stop):
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{")
        while not stop.is_set():
            connection.sendall(b" " * 65536)

    transport, _ = serve(script)
    assert fails(transport).http_status == 200


@pytest.mark.parametrize(
    "answer",
    [
        b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"ResponseCode": "0"}',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n15\r\n{"ResponseCode": "0"}',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_broken_bodies(serve, answer):
    transport, _ = serve(lambda connection, stop: connection.sendall(answer))
    assert fails(transport).http_status == 200


@pytest.mark.parametrize(
    "answer",
    [b"\x00\xff\r\n\r\n", b"HTTP/1.1 999999 ?\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a" * 70000],
)
def test_no_http(serve, answer):
    transport, _ = serve(lambda connection, stop: connection.sendall(answer))
    assert fails(transport).http_status is None


def test_a_socket_that_arrives_after_the_deadline_is_shut_at_once():
    ours, theirs = socket.socketpair()
    with ours, theirs, CallDeadline(0.01) as deadline:
        for _ in range(200):
            if deadline.expired:
                break
            time.sleep(0.01)
        deadline.watch(ours)
        theirs.settimeout(1)
        assert theirs.recv(1) == b""
