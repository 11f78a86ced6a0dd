"""JSON from untrusted senders: plain values of limited size, or a ValueError."""

import json
from decimal import Decimal

MAX_DEPTH = 24
MAX_DIGITS = 32


def load_json(raw: bytes) -> object:
    """Parse UTF-8 JSON with fractions as Decimal.

    Raises ValueError for anything else, and for what only an attacker or a broken sender would
    write: duplicate keys, NaN, numbers of more than 32 digits, text that a database cannot hold
    (NUL, lone surrogates), or more than 24 levels.
    """
    try:
        value = _DECODER.decode(raw.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not _is_plain(raw):
        _inspect(value)
    return value


def _is_plain(raw: bytes) -> bool:
    """Return whether nothing needs inspection: the text has no escape and no depth."""
    return b"\\" not in raw and raw.count(b"{") + raw.count(b"[") < MAX_DEPTH


def _decimal(text: str) -> Decimal:
    number = Decimal(text)
    if len(text) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        raise ValueError("a number is too long")
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError("a number is too long")
    return int(text)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


_DECODER = json.JSONDecoder(
    parse_float=_decimal,
    parse_int=_integer,
    parse_constant=_refuse_constant,
    object_pairs_hook=_unique,
)


def _inspect(value: object) -> None:
    """Walk without recursion, so that depth is an answer rather than a crash."""
    waiting: list[tuple[object, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        if isinstance(item, str):
            _inspect_text(item)
        elif isinstance(item, dict):
            waiting.extend((part, depth + 1) for pair in item.items() for part in pair)
        elif isinstance(item, list):
            waiting.extend((part, depth + 1) for part in item)


def _inspect_text(text: str) -> None:
    if "\x00" in text:
        raise ValueError("a text contains NUL")
    text.encode("utf-8")
