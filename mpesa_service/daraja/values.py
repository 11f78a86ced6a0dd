"""Values from untrusted senders: readers of JSON text and of callback fields.

A value of a wrong type is read as None, and a wrong shape is an error. Shapes are those of Safaricom's portal
documentation and of captures: items in any order, `Balance` without a Value, one object where a list was
promised, dates in two spellings.
"""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from mpesa_service.daraja.credentials import NAIROBI
from mpesa_service.daraja.errors import UnreadableCallback
from mpesa_service.daraja.lenient_json import (
    MAX_DEPTH,
    MAX_DIGITS,
    WRAPPERS,
    Unclear,
    agreed_value,
    read_leniently,
    read_text_leniently,
    refuse_unstorable,
)
from mpesa_service.daraja.posted_names import ITEM_NAMES, KEYS, USUAL_ITEM_NAMES, USUAL_KEYS, in_usual_case

Value = TypeVar("Value")
MAX_CODE_LENGTH = 32
MAX_TIME_LENGTH = 32
MAX_ID_LENGTH = 128
MAX_DESCRIPTION_LENGTH = 1024
_AMOUNT = re.compile(r"([0-9]{1,12}|[0-9]{1,3}(,[0-9]{3}){1,3})(\.[0-9]{1,4})?")
_RECEIPT = re.compile(r"[!-~]{1,128}")
_ZERO_DECIMALS = re.compile(r"\A([0-9]+)\.0+\Z")
_PLACEHOLDER = re.compile(r"[A-Z0-9]{3}0{7}")
_YEAR = "(?:19|20|21)[0-9]{2}"
"""1900 to 2199: no arithmetic on such a time overflows."""
_COMPACT_TIME = re.compile(_YEAR + "[0-9]{10}")
_DOTTED_TIME = re.compile(rf"([0-9]{{2}})\.([0-9]{{2}})\.({_YEAR}) ([0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}})")
MAX_CALLBACK_BYTES = 64 * 1024
MAX_WRAPPERS = 8
MAX_MOVED_SHILLINGS = 10_000_000
"""More than one transaction can move. M-Pesa's limit is 250,000 shillings (documented)."""


def load_json(raw: bytes, decoder: json.JSONDecoder | None = None) -> object:
    """Parse UTF-8 JSON with fractions as Decimal.

    Raises ValueError for anything else, and for what only an attacker or a broken sender would
    write: duplicate keys, NaN, numbers of more than 32 digits, text that a database cannot hold
    (NUL, lone surrogates), or more than 24 levels.
    """
    try:
        value = (decoder or _DECODER).decode(raw.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    # A text without escapes and without depth needs no inspection.
    if b"\\" in raw or raw.count(b"{") + raw.count(b"[") >= MAX_DEPTH:
        refuse_unstorable(value)
    return value


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text) if len(text) <= MAX_DIGITS else None
    except ArithmeticError:  # its exponent is larger than a Decimal can have
        number = None
    if number is None or abs(number.adjusted()) > MAX_DIGITS:
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


def _posted(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = _unique(pairs)
    return found if found.keys() <= KEYS else _unique(in_usual_case(pairs, USUAL_KEYS))


_NUMBERS: dict[str, Any] = {
    "parse_float": _decimal,
    "parse_int": _integer,
    "parse_constant": _refuse_constant,
}
_DECODER = json.JSONDecoder(object_pairs_hook=_unique, **_NUMBERS)
_POSTED_DECODER = json.JSONDecoder(object_pairs_hook=_posted, **_NUMBERS)


def read_posted(raw: bytes, operation: str, key: str) -> tuple[dict[str, object], dict[str, object]]:
    """Return the object with `key` in a posted body, and the whole document that contains it.

    A body is at most 64 kB. It is read strictly, and if that fails, leniently. The object may be in the
    documented wrappers, alone or repeated in a list or in an object, or a JSON text of its own. Raises
    UnreadableCallback, whose message quotes nothing of the body.
    """
    if len(raw) > MAX_CALLBACK_BYTES:
        raise UnreadableCallback("longer than 64 kB", operation=operation)
    try:
        document = _load(raw)
        found = _unwrapped(document, key)
    except Unclear as error:
        raise UnreadableCallback(str(error), operation=operation) from error
    return found, document if isinstance(document, dict) else found


def _load(raw: bytes) -> object:
    try:
        return load_json(raw, _POSTED_DECODER)
    except ValueError:
        return read_leniently(raw)


def _unwrapped(value: object, key: str) -> dict[str, object]:
    for _ in range(MAX_WRAPPERS):
        if isinstance(value, dict) and key in value:
            return value
        if isinstance(value, str):
            inside: list[object] = [read_text_leniently(value)]
        elif isinstance(value, dict):
            inside = [value[name] for name in WRAPPERS if name in value] or list(value.values())
        else:
            inside = value if isinstance(value, list) else []
        inside = inside[:1] if all(part == inside[0] for part in inside) else inside
        if len(inside) != 1:
            break
        value = inside[0]
    raise Unclear(f"{key} is missing")


def required_value(
    parent: dict[str, object], key: str, read: Callable[[object], Value | None], operation: str
) -> Value:
    """Return a value that must be there and readable. Raises UnreadableCallback."""
    found = read(parent.get(key))
    if found is None or found == "":
        raise UnreadableCallback(f"{key} is missing or cannot be read", operation=operation)
    return found


def optional_value(
    parent: dict[str, object], key: str, read: Callable[[object], Value | None], operation: str
) -> Value | None:
    """Return a value that may be missing or blank, but must be readable. Raises UnreadableCallback."""
    value = parent.get(key)
    blank = value is None or (isinstance(value, str) and not value.strip())
    return None if blank else required_value(parent, key, read, operation)


def named_values(items: object, name_key: str) -> dict[str, object]:
    """Read a list of named items, or one that stands alone; an item may lack its Value.

    A name that occurs twice with values that do not agree gets NOT_READABLE.
    """
    values: dict[str, object] = {}
    pairs = [
        (name, item.get("Value"))
        for item in (items if isinstance(items, list) else [items])
        if isinstance(item, dict) and isinstance(name := item.get(name_key), str)
    ]
    if not all(name in ITEM_NAMES for name, _ in pairs):
        pairs = in_usual_case(pairs, USUAL_ITEM_NAMES)
    for name, value in pairs:
        values[name] = agreed_value(name, values[name], value) if name in values else value
    return values


def read_identifier(value: object) -> str | None:
    """Return a text of 1 to 128 characters without the blanks around it, or None."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    return text if 0 < len(text) <= MAX_ID_LENGTH else None


def read_receipt(value: object) -> str | None:
    """Return a receipt as M-Pesa writes it, or None: at most 128 visible ASCII characters."""
    text = value.strip().upper() if isinstance(value, str) else ""
    return text if _RECEIPT.fullmatch(text) else None


def is_placeholder(receipt: str) -> bool:
    """Return whether this is the placeholder in TransactionID when there is no receipt (documented)."""
    return bool(_PLACEHOLDER.fullmatch(receipt))


def read_description(value: object) -> str:
    """Return a text, cut to the 1024 characters that are documented; "" when it is none."""
    return value[:MAX_DESCRIPTION_LENGTH] if isinstance(value, str) else ""


def _scalar(value: object) -> str:
    """Write a number or a text as text; anything else is ""."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else str(value).strip()


def read_amount(value: object) -> Decimal | None:
    """Return shillings from a number or a text such as "1300", "1,300.00" or " 1300 ", or None."""
    text = _scalar(value)
    return Decimal(text.replace(",", "")) if _AMOUNT.fullmatch(text) else None


def read_moved_amount(value: object) -> Decimal | None:
    """Return the shillings that a transaction moved, or None also if no transaction can move so much."""
    amount = read_amount(value)
    return None if amount is None or amount > MAX_MOVED_SHILLINGS else amount


def read_text(value: object) -> str | None:
    """Return a text of 1 to 128 characters from a number or a text, or None."""
    return read_identifier(_scalar(value))


def read_cut_text(value: object) -> str:
    """Return what somebody typed, cut to 128 characters; "" when it is nothing."""
    return _scalar(value)[:MAX_ID_LENGTH].rstrip()


def read_balance(value: object) -> Decimal | None:
    """Return the shillings of an account, which may be overdrawn, or None."""
    text = _scalar(value)
    amount = read_amount(text.removeprefix("-"))
    return -amount if amount is not None and text.startswith("-") else amount


def read_moment(value: object) -> datetime | None:
    """Read a time of day in Nairobi, `20261201121449` or `01.12.2026 12:14:49`, as an aware moment in UTC."""
    text = _scalar(value)
    if _COMPACT_TIME.fullmatch(text):
        text = f"{text[:8]}T{text[8:]}"
    elif (found := _DOTTED_TIME.fullmatch(text)) is not None:
        text = "{2}-{1}-{0}T{3}".format(*found.groups())
    else:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=NAIROBI).astimezone(UTC)
    except ValueError:
        return None


def normalize_code(code: object) -> str:
    """Bring an int, a numeric string or a text code into one spelling; "" if it is no code.

    Every all-zero string is "0" ("00000000" has been observed). Other leading zeros are kept:
    "03" belongs to an older broker's list and is not 3. A whole number may have decimals: 1032.0 is 1032.
    True is no code.
    """
    if isinstance(code, bool):
        return ""
    if isinstance(code, Decimal) and code == code.to_integral_value():
        code = int(code)
    if isinstance(code, int):
        return str(code) if abs(code) < 10**MAX_CODE_LENGTH else ""
    if not isinstance(code, str):
        return ""
    text = _ZERO_DECIMALS.sub(r"\1", code.strip().upper())[:MAX_CODE_LENGTH]
    return "0" if text and not text.strip("0") else text


def whole_shillings(value: Decimal | int | None) -> int | None:
    """Return a provider's decimal amount (`5.00`) as whole shillings, or None when it is not whole."""
    if value is None:
        return None
    amount = Decimal(value)
    if not amount.is_finite() or amount != amount.to_integral_value():
        return None
    return int(amount)
