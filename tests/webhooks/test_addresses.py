"""The addresses that webhooks may use, for every spelling and every resolution of a name."""

import socket
from collections.abc import Sequence
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from mpesa_service.webhooks.addresses import (
    MAX_URL_LENGTH,
    AddressRefused,
    Network,
    is_public,
    permitted_addresses,
    read_target,
    system_resolve,
)
from mpesa_service.webhooks.posting import Poster
from tests.support.receivers import receiver

PRIVATE: tuple[Network, ...] = (ip_network("10.20.0.0/16"), ip_network("fd00:1::/32"))

SPECIAL = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "169.254.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00::8",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "196.201.214.200", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


def resolving(*addresses: str) -> Any:
    return lambda _host, _port: list(addresses)


@pytest.mark.parametrize("address", SPECIAL)
def test_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(ip_address(address))
    with pytest.raises(AddressRefused, match="private or special"):
        permitted_addresses(read_target("https://shop.example/"), PRIVATE, resolving(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are(address: str) -> None:
    target = read_target("https://shop.example/")
    assert permitted_addresses(target, (), resolving(address)) == [str(ip_address(address))]
    with pytest.raises(AddressRefused, match="must be https"):
        permitted_addresses(read_target("http://shop.example/"), PRIVATE, resolving(address))


@pytest.mark.parametrize("address", ["10.20.30.40", "::ffff:10.20.30.40", "fd00:1::5"])
def test_named_private_networks_are_allowed_even_by_http(address: str) -> None:
    for scheme in ("http", "https"):
        found = permitted_addresses(read_target(f"{scheme}://orders/"), PRIVATE, resolving(address))
        assert found == [str(ip_address(address))]


def test_every_address_of_a_name_counts() -> None:
    target = read_target("https://shop.example/")
    assert permitted_addresses(target, (), resolving("8.8.8.8", "1.1.1.1")) == ["8.8.8.8", "1.1.1.1"]
    with pytest.raises(AddressRefused):
        permitted_addresses(target, (), resolving("8.8.8.8", "127.0.0.1"))
    with pytest.raises(AddressRefused, match="http is for"):
        permitted_addresses(read_target("http://x/"), PRIVATE, resolving("8.8.8.8", "10.20.0.1"))


def _fails(error: Exception) -> Any:
    def resolve(_host: str, _port: int) -> Sequence[str]:
        raise error

    return resolve


@pytest.mark.parametrize(
    "resolve",
    [
        resolving(),
        resolving("not an address"),
        _fails(socket.gaierror(-2, "unknown")),
        _fails(UnicodeError("label too long")),
    ],
)
def test_a_name_without_an_address(resolve: Any) -> None:
    with pytest.raises(AddressRefused, match="name"):
        permitted_addresses(read_target("https://shop.example/"), (), resolve)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "//shop.example/",
        "ftp://shop.example/",
        "file:///etc/passwd",
        "gopher://shop.example/",
        "javascript:alert(1)",
        "https://",
        "https:///path",
        "https://shop.example:0/",
        "https://shop.example:99999/",
        "https://shop.example:port/",
        "https://user@shop.example/",
        "https://user:password@shop.example/",
        "https://shop.example@127.0.0.1/",
        "https://@127.0.0.1/",
        "https://shop.example/#fragment",
        "https://shop.example\\@127.0.0.1/",
        "https://shop.example/ HTTP/1.1\r\nHost: x",
        "https://shop.example/\r\nX: y",
        "https://shop\t.example/",
        "https://[::1/",
        "https://[fe80::1%25eth0]/",
        "https://127.0.0.1%2f.example/",
        "https://ⓢhop.example/",
        "https://shop.example/é",
        "https://shop.example/" + "x" * MAX_URL_LENGTH,
    ],
    ids=range(27),
)
def test_what_is_no_plain_web_address(url: str) -> None:
    with pytest.raises(AddressRefused):
        read_target(url)


def test_a_target() -> None:
    target = read_target("https://Shop.Example/hooks?x=1&y=%20")
    assert (target.scheme, target.host, target.port, target.path) == (
        "https",
        "shop.example",
        443,
        "/hooks?x=1&y=%20",
    )
    assert read_target("http://h:8080").path == "/"
    assert read_target("http://[::1]:8080/").host == "::1"


def test_the_system_resolves_every_spelling() -> None:
    for host in ("127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1"):
        assert system_resolve(host, 80) == ["127.0.0.1"]


LOOPBACK = [
    "http://{}:{}/",
    "https://{}:{}/",
]
SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7F.1",
    "0177.0.0.1",
    "017700000001",
    "0177.0x0.0.01",
    "127.000.000.001",
    "127.0.0.2",
    "0",
    "0.0.0.0",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:0:0:1]",
    "[::]",
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_of_this_machine_is_reached(spelling: str) -> None:
    with receiver() as here:
        for shape in LOOPBACK:
            answer = Poster(PRIVATE, seconds=5).post(shape.format(spelling, here.port), b"{}", {})
            assert answer.status is None
            assert answer.error is not None
    assert here.got == []


def test_user_info_and_redirects_do_not_lead_here() -> None:
    with receiver() as here:
        poster = Poster(PRIVATE, seconds=5)
        assert poster.post(f"http://8.8.8.8@127.0.0.1:{here.port}/", b"{}", {}).status is None
    assert here.got == []


def test_a_name_that_resolves_differently_a_moment_later_gains_nothing() -> None:
    """The connection goes to the checked address; the name is resolved only once."""
    resolved: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        resolved.append(host)
        return ["8.8.8.8"] if len(resolved) % 2 else ["127.0.0.1"]

    with receiver() as here:
        allowed = (ip_network("127.0.0.1/32"),)
        first = Poster(allowed, resolve=rebinding, seconds=5).post(
            f"http://rebind.example:{here.port}/", b"{}", {}
        )
        assert first.error == "The address must be https: http is for allowed private networks only."
        assert resolved == ["rebind.example"]
        assert here.got == []
        second = Poster(allowed, resolve=rebinding, seconds=5).post(
            f"http://rebind.example:{here.port}/", b"{}", {}
        )
    assert second.status == 204, "the second time it is the allowed address"
    assert len(resolved) == 2
    [got] = here.got
    assert got.headers["host"] == f"rebind.example:{here.port}"
