"""How the text of an environment variable becomes a value.

A `SettingKind` has a parser and a description of the values that it accepts. A parser raises ValueError with
the rest of a sentence that begins with the variable's name: `must be a whole number from 1, not '0'.`
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from typing import Generic, TypeVar

from limits import parse as parse_limit

Value = TypeVar("Value")


@dataclass(frozen=True)
class SettingKind(Generic[Value]):
    """One kind of value. `allowed` is Markdown, for the table of all settings."""

    parse: Callable[[str], Value]
    allowed: str


def text(allowed: str = "text") -> SettingKind[str]:
    """Return the kind whose value is the text itself."""
    return SettingKind(str, allowed)


def whole_number(least: int = 0, most: int | None = None) -> SettingKind[int]:
    """Return the kind for whole numbers, `least` and `most` included."""
    words = f"a whole number from {least}" + ("" if most is None else f" to {most}")

    def parse(raw: str) -> int:
        number = int(raw) if raw.isascii() and raw.isdigit() else -1
        if number < least or (most is not None and number > most):
            raise ValueError(f"must be {words}, not {raw!r}.")
        return number

    return SettingKind(parse, words)


def seconds(least: int) -> SettingKind[timedelta]:
    """Return the kind for durations, written as whole seconds."""
    number = whole_number(least)
    return SettingKind(lambda raw: timedelta(seconds=number.parse(raw)), f"whole seconds from {least}")


def choice(*allowed: str) -> SettingKind[str]:
    """Return the kind for one of a few words."""

    def parse(raw: str) -> str:
        if raw not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}, not {raw!r}.")
        return raw

    return SettingKind(parse, ", ".join(f"`{word}`" for word in allowed))


def _digits(raw: str) -> str:
    if not (raw.isascii() and raw.isdigit()):
        raise ValueError(f"must be digits, not {raw!r}.")
    return raw


def _short_time(raw: str) -> float:
    try:
        value = float(raw)
    except ValueError:
        value = -1.0
    if not 0 < value <= 60:
        raise ValueError(f"must be seconds, more than 0 and at most 60, not {raw!r}.")
    return value


def _boolean(raw: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if raw.lower() not in words:
        raise ValueError(f"must be true or false, not {raw!r}.")
    return words[raw.lower()]


def _comma_list(raw: str) -> tuple[str, ...]:
    found = tuple(part.strip() for part in raw.split(",") if part.strip())
    if not found:
        raise ValueError("must have one value or more, separated by commas.")
    return found


def _network_list(raw: str) -> str:
    """Check the networks, and return the text, because that is what the settings show."""
    for part in _comma_list(raw):
        try:
            ip_network(part)
        except ValueError as error:
            raise ValueError(f"must be networks such as 10.0.0.0/8,fd00::/8, not {raw!r}.") from error
    return raw


def _rate_limit(raw: str) -> str:
    try:
        parse_limit(raw)
    except ValueError as error:
        raise ValueError(f"must be like '100 per 15 minutes', not {raw!r}.") from error
    return raw


def _pem(raw: str) -> str:
    """Turn each literal backslash-n into a line break, because many tools keep variables on one line."""
    return raw.replace("\\n", "\n")


digits = SettingKind(_digits, "digits")
short_time = SettingKind(_short_time, "seconds, more than 0 and at most 60")
boolean = SettingKind(_boolean, "`true`, `false`")
comma_list = SettingKind(_comma_list, "values separated by commas")
network_list = SettingKind(_network_list, "networks such as `10.0.0.0/8`, separated by commas")
rate_limit = SettingKind(_rate_limit, "such as `100 per 15 minutes`")
pem = SettingKind(_pem, "a PEM block; `\\n` counts as a line break")
address = text("an http or https address")
