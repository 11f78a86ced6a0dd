"""The addresses to which webhooks may go: the public Internet, and private networks named in the settings.

A name is resolved first, and its address is checked, so the spelling of an address (decimal, octal,
hexadecimal) does not matter. The caller then connects to the checked address, even if the name resolves to
another address a moment later.
"""

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolve = Callable[[str, int], Sequence[str]]

MAX_URL_LENGTH = 2048
_PORTS = {"http": 80, "https": 443}

_PUBLIC_IPV6 = IPv6Network("2000::/3")
_COMPATIBLE = IPv6Network("::/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_NOT_PUBLIC = (
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
    IPv6Network("2001::/23"),  # Teredo, ORCHID and other protocols
    IPv6Network("2001:db8::/32"),
    IPv6Network("2002::/16"),  # 6to4: contains an IPv4 address
    IPv6Network("3fff::/20"),
)
"""Networks that `is_global` accepts in some versions of Python."""


class AddressRefused(Exception):
    """Webhooks may not go to this address. The message is a sentence that says why."""


@dataclass(frozen=True)
class Target:
    """The parts of a web address; `path` includes the query."""

    scheme: str
    host: str
    port: int
    path: str


def read_target(url: str) -> Target:
    """Split an address into its parts; raise AddressRefused unless it is plain http or https."""
    if len(url) > MAX_URL_LENGTH or not url.isascii() or not url.isprintable() or set(url) & set(' \\"<>'):
        raise AddressRefused("The address must be plain ASCII without spaces, 2048 characters at most.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise AddressRefused("The address cannot be read.") from error
    if parts.scheme not in _PORTS or not parts.hostname or "%" in parts.netloc or port == 0:
        raise AddressRefused("The address must be like https://orders.example.co.ke/webhooks")
    if "@" in parts.netloc:
        raise AddressRefused("The address must not carry a user name or a password.")
    if "#" in url:
        raise AddressRefused("The address must not have a fragment.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)


def system_resolve(host: str, port: int) -> list[str]:
    """Return every address of a name, as the system resolves it. Raises OSError or UnicodeError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def permitted_addresses(
    target: Target, networks: Sequence[Network], resolve: Resolve = system_resolve
) -> list[str]:
    """Return all addresses of `target`; raise AddressRefused if one of them is not permitted.

    http is permitted only inside the named `networks`.
    """
    try:
        addresses = [ip_address(text) for text in resolve(target.host, target.port)]
    except (OSError, UnicodeError, ValueError) as error:
        raise AddressRefused("The host's name cannot be resolved.") from error
    if not addresses:
        raise AddressRefused("The host's name has no address.")
    named = [_is_named(address, networks) for address in addresses]
    if not all(ok or is_public(address) for ok, address in zip(named, addresses, strict=True)):
        raise AddressRefused("The address is in a private or special network that is not allowed.")
    if target.scheme == "http" and not all(named):
        raise AddressRefused("The address must be https: http is for allowed private networks only.")
    return [str(address) for address in addresses]


def is_public(address: Address) -> bool:
    """Return whether this is a unicast address of the public Internet; checks IPv4 embedded in IPv6, too."""
    inner = _unwrapped(address)
    if inner.version == 6 and inner not in _PUBLIC_IPV6:
        return False
    special = inner.is_multicast or inner.is_reserved or any(_within(inner, net) for net in _NOT_PUBLIC)
    return inner.is_global and not special


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address that is embedded in an IPv6 address, if there is one."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if (address in _COMPATIBLE and int(address) > 1) or address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_named(address: Address, networks: Sequence[Network]) -> bool:
    inner = _unwrapped(address)
    return any(_within(inner, network) for network in networks)


def _within(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network
