"""How one environment variable's text becomes a value; each raises ValueError with the rest of a sentence."""

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network

from limits import parse as parse_limit


def text(raw: str) -> str:
    return raw


def whole_number(raw: str) -> int:
    if not (raw.isascii() and raw.isdigit()):
        raise ValueError(f"must be a whole number, not {raw!r}.")
    return int(raw)


def seconds(raw: str) -> timedelta:
    return timedelta(seconds=whole_number(raw))


def short_time(raw: str) -> float:
    """Seconds, with a fraction if need be; more than none and at most a minute."""
    try:
        value = float(raw)
    except ValueError:
        value = -1.0
    if not 0 < value <= 60:
        raise ValueError(f"must be seconds, more than 0 and at most 60, not {raw!r}.")
    return value


def boolean(raw: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if raw.lower() not in words:
        raise ValueError(f"must be true or false, not {raw!r}.")
    return words[raw.lower()]


def choice(*allowed: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}, not {raw!r}.")
        return raw

    return parse


def comma_list(raw: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in raw.split(",") if part.strip())
    if not found:
        raise ValueError("must hold one value or more, with commas between.")
    return found


def network_list(raw: str) -> str:
    """Networks in CIDR form, with commas between; stays text, which is what the list is shown as."""
    for part in comma_list(raw):
        try:
            ip_network(part)
        except ValueError as error:
            raise ValueError(f"must be networks such as 10.0.0.0/8,fd00::/8, not {raw!r}.") from error
    return raw


def rate_limit(raw: str) -> str:
    """A limit as the limits library reads it, such as `5 per 10 minutes`."""
    try:
        parse_limit(raw)
    except ValueError as error:
        raise ValueError(f"must be like '100 per 15 minutes', not {raw!r}.") from error
    return raw


def pem(raw: str) -> str:
    """A PEM block; a literal backslash-n counts as a line break, as one-line variables carry it."""
    return raw.replace("\\n", "\n")
