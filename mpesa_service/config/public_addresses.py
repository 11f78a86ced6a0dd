"""Checks the addresses that M-Pesa posts to: their form, and whether M-Pesa can reach them."""

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from mpesa_service.config.settings import Settings

FORBIDDEN_WORDS = ("m-pesa", "mpesa", "safaricom", "query", "cmd", "sql", "exe")
"""Words that Safaricom's C2B page forbids in addresses, in any case. `exe` covers `exec`."""
TUNNELS = ("ngrok.io", "ngrok.app", "ngrok.dev", "ngrok-free.app", "ngrok-free.dev", "ngrok.com")
PRIVATE_NAMES = ("localhost", "local", "internal", "lan", "test", "invalid")


def address_problems(s: Settings) -> Iterator[str]:
    """Yield what is wrong with the addresses for callbacks and for C2B payments."""
    yield from _posted_to(s, "MPESA_CALLBACK_URL", s.mpesa_callback_url, "api/mpesa/callback", "token")
    if s.mpesa_c2b_url is not None:
        yield from _posted_to(s, "MPESA_C2B_URL", s.c2b_url, "c2b", "secret")
        if (word := forbidden_word(s.c2b_url)) is not None:
            where = f"MPESA_C2B_URL must not contain {word!r}, not even in its host"
            yield f"{where}: Safaricom does not register such an address."
    elif s.mpesa_environment == "production" and (word := _word_of_host(s.mpesa_callback_url)) is not None:
        yield (
            f"MPESA_C2B_URL is needed: the address made of MPESA_CALLBACK_URL, {s.c2b_url}, contains"
            f" {word!r}, and Safaricom does not register such an address."
        )


def _posted_to(s: Settings, name: str, address: str, path: str, appended: str) -> Iterator[str]:
    """Check an address that M-Pesa posts to."""
    parts = split(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        yield f"{name} must be a full address, such as https://pay.example.co.ke/{path}"
    elif any(character.isspace() for character in address):
        yield f"{name} must not contain blanks."
    elif parts.query or parts.fragment:
        yield f"{name} must not have a query or a fragment: a {appended} is appended to its path."
    elif s.mpesa_environment == "production" and parts.scheme != "https":
        yield f"{name} must be https in production: Safaricom calls nothing else."
    elif s.mpesa_environment == "production" and (why := _unreachable(parts.hostname)):
        yield f"{name} must lead to a public host in production, and {parts.hostname} is {why}."


def _unreachable(host: str) -> str | None:
    """Return why Safaricom cannot reach a host, or must not depend on it; None if nothing is known."""
    if host.endswith(TUNNELS):
        return "a tunnel for development"
    try:
        return None if ip_address(host).is_global else "a private address"
    except ValueError:
        pass
    if "." not in host or host.rpartition(".")[2] in PRIVATE_NAMES:
        return "a name in a private network"
    return None


def _word_of_host(address: str) -> str | None:
    return forbidden_word(split(address).netloc)


def forbidden_word(address: str) -> str | None:
    """Return the word in `address` for which Safaricom would not register it, or None."""
    return next((word for word in FORBIDDEN_WORDS if word in address.lower()), None)


def split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")
