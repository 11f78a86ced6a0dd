"""One POST: to the checked address, verified by name, limited in time and size, without exceptions."""

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mpesa_service.webhooks import posting
from mpesa_service.webhooks.posting import Poster
from tests.support.receivers import answering, raw_receiver, receiver

HERE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


def poster(**more: Any) -> Poster:
    return Poster(HERE, **{"seconds": 5, **more})


def here(_host: str, _port: int) -> list[str]:
    return ["127.0.0.1"]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for shop.example and for 127.0.0.1, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("shop.example"), x509.IPAddress(ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "shop.pem"
    path.write_bytes(built.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def client_tls(certificate: Path) -> Iterator[ssl.SSLContext]:
    return ssl.create_default_context(cafile=certificate)  # type: ignore[return-value]


class TestTls:
    def test_goes_to_the_address_and_names_the_host(
        self, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
    ) -> None:
        names: list[str | None] = []
        server_tls.sni_callback = lambda _socket, name, _context: names.append(name)  # type: ignore[assignment]
        with receiver(tls=server_tls) as shop:
            answer = poster(resolve=here, tls=client_tls).post(
                f"https://shop.example:{shop.port}/hooks?x=1", b"{}", {"webhook-id": "evt_1"}
            )
        assert (answer.status, answer.is_received) == (204, True)
        assert names == ["shop.example"]
        [got] = shop.got
        assert (got.path, got.body, got.id) == ("/hooks?x=1", b"{}", "evt_1")
        assert got.headers["host"] == f"shop.example:{shop.port}"

    def test_an_address_is_verified_as_one(
        self, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext
    ) -> None:
        with receiver(tls=server_tls) as shop:
            assert poster(tls=client_tls).post(f"https://127.0.0.1:{shop.port}/", b"", {}).status == 204

    @pytest.mark.parametrize("trusting", [True, False])
    def test_a_certificate_that_does_not_fit(
        self, server_tls: ssl.SSLContext, client_tls: ssl.SSLContext, trusting: bool
    ) -> None:
        name = "other.example" if trusting else "shop.example"
        tls = client_tls if trusting else None
        with receiver(tls=server_tls) as shop:
            answer = poster(resolve=here, tls=tls).post(f"https://{name}:{shop.port}/", b"", {})
        assert answer.error == "No answer: the certificate is not valid for this host."
        assert shop.got == []

    def test_plain_http_where_tls_is_expected(self) -> None:
        with receiver() as shop:
            answer = poster().post(f"https://127.0.0.1:{shop.port}/", b"", {})
        assert answer.error == "No answer: TLS failed."

    def test_a_handshake_that_never_ends(self) -> None:
        done = threading.Event()
        with raw_receiver(lambda _connection: done.wait(20) and None) as address:
            answer = poster(seconds=0.3).post(f"https://{address}/", b"", {})
            done.set()
        assert answer.error == "No answer within 0.3 seconds."


class TestTime:
    @pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX", b"H"])
    def test_a_server_that_drips(self, start: bytes) -> None:
        done = threading.Event()

        def drip(connection: Any) -> None:
            connection.recv(65_536)
            connection.sendall(start)
            while start and not done.wait(0.02):
                connection.sendall(b"x")
            done.wait(20)

        with raw_receiver(drip) as address:
            answer = poster(seconds=0.3).post(f"http://{address}/", b"{}", {})
            done.set()
        assert answer.error == "No answer within 0.3 seconds."

    def test_a_body_that_drips_after_the_status_is_received(self) -> None:
        done = threading.Event()

        def drip(connection: Any) -> None:
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while not done.wait(0.02):
                connection.sendall(b"x")

        with raw_receiver(drip) as address:
            answer = poster(seconds=0.3).post(f"http://{address}/", b"{}", {})
            done.set()
        assert answer.status == 200
        assert set(answer.body) == {ord("x")}

    def test_no_time_is_left_to_connect(self) -> None:
        resolved = threading.Event()

        def slow(_host: str, _port: int) -> list[str]:
            resolved.wait(0.3)
            return ["127.0.0.1"]

        with receiver() as shop:
            answer = poster(resolve=slow, seconds=0.05).post(f"http://shop.example:{shop.port}/", b"", {})
        assert answer.error == "No answer within 0.05 seconds."
        assert shop.got == []

    def test_a_socket_that_comes_after_the_end_is_shut_at_once(self) -> None:
        with (
            posting._SocketDeadline(60) as deadline,
            raw_receiver(lambda connection: connection.recv(1)) as address,
        ):
            deadline.expire()
            host, port = address.split(":")
            with posting.socket.create_connection((host, int(port)), timeout=5) as sock:
                deadline.hold(sock)
                assert sock.recv(1) == b""


class TestAnswers:
    def test_the_next_address_is_tried(self) -> None:
        with receiver() as shop:
            answer = poster(resolve=lambda _h, _p: ["127.0.0.9", "127.0.0.1"]).post(
                f"http://shop.example:{shop.port}/", b"", {}
            )
        assert answer.status == 204

    def test_ipv6(self) -> None:
        with receiver(host="::1") as shop:
            assert poster().post(shop.url, b"", {}).status == 204
        assert shop.got[0].headers["host"] == f"[::1]:{shop.port}"

    def test_a_body_is_read_up_to_a_limit(self) -> None:
        with receiver(answering(200, b"y" * 1_000_000)) as shop:
            answer = poster().post(shop.url, b"", {})
        assert (answer.status, len(answer.body)) == (200, posting.MAX_BODY_BYTES)

    def test_retry_after_is_handed_on(self) -> None:
        with receiver(answering(429, Retry_After="7")) as shop:
            answer = poster().post(shop.url, b"", {})
        assert (answer.status, answer.retry_after, answer.is_received) == (429, "7", False)

    @pytest.mark.parametrize(
        ("sent", "words"),
        [
            (b"", "the connection failed or broke"),
            (b"SMTP ready\r\n\r\n", "the response was not HTTP"),
            (b"HTTP/1.1 abc OK\r\n\r\n", "the response was not HTTP"),
            (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "the response was not HTTP"),
            (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, "the response was not HTTP"),
        ],
    )
    def test_what_is_no_answer(self, sent: bytes, words: str) -> None:
        def script(connection: Any) -> None:
            connection.recv(65_536)
            connection.sendall(sent)
            connection.shutdown(1)

        with raw_receiver(script) as address:
            answer = poster().post(f"http://{address}/", b"", {})
        assert answer.error == f"No answer: {words}."

    def test_proxies_of_the_environment_are_not_used(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with receiver() as proxy, receiver() as shop:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "https_proxy"):
                monkeypatch.setenv(name, proxy.url)
            monkeypatch.delenv("no_proxy", raising=False)
            assert poster().post(shop.url, b"", {}).status == 204
        assert proxy.got == []
