"""Readers of callback fields: a wrong type is None, a wrong shape is an error.

Shapes are those of Safaricom's portal documentation and of captures: items in any order, `Balance`
without a Value, one object where a list was promised, dates in two spellings.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal

from mpesa_service.daraja.credentials import NAIROBI
from mpesa_service.daraja.errors import UnreadableCallback
from mpesa_service.daraja.json_text import load_json
from mpesa_service.domain.moments import can_be_kept
from mpesa_service.domain.references import normal_receipt

MAX_CALLBACK_BYTES = 64 * 1024
MAX_ID_LENGTH = 128
MAX_DESCRIPTION_LENGTH = 1024
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")
_PLACEHOLDER = re.compile(r"[A-Z0-9]{3}0{7}")
_TIME = "(?P<hour>[0-9]{2}){0}(?P<minute>[0-9]{2}){0}(?P<second>[0-9]{2})"
_DATE_FORMS = (
    re.compile("(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})" + _TIME.replace("{0}", "")),
    re.compile(r"(?P<day>[0-9]{2})\.(?P<month>[0-9]{2})\.(?P<year>[0-9]{4}) " + _TIME.replace("{0}", ":")),
)


def read_document(raw: bytes, operation: str) -> dict[str, object]:
    """Parse at most 64 kB of JSON into an object. Raises UnreadableCallback."""
    if len(raw) > MAX_CALLBACK_BYTES:
        raise UnreadableCallback("longer than 64 kB", operation=operation)
    try:
        document = load_json(raw)
    except ValueError as error:
        raise UnreadableCallback("not usable JSON", operation=operation) from error
    if not isinstance(document, dict):
        raise UnreadableCallback("not a JSON object", operation=operation)
    return document


def read_child(parent: dict[str, object], key: str, operation: str) -> dict[str, object]:
    """Return an object inside another. Raises UnreadableCallback."""
    child = parent.get(key)
    if not isinstance(child, dict):
        raise UnreadableCallback(f"{key} is not an object", operation=operation)
    return child


def required(parent: dict[str, object], key: str, operation: str) -> object:
    """Return a value that must be there. Raises UnreadableCallback."""
    if parent.get(key) is None:
        raise UnreadableCallback(f"{key} is missing", operation=operation)
    return parent[key]


def required_identifier(parent: dict[str, object], key: str, operation: str) -> str:
    """Return an id that must be there. Raises UnreadableCallback."""
    found = read_identifier(parent.get(key))
    if found is None:
        raise UnreadableCallback(f"{key} is missing or no text", operation=operation)
    return found


def named_values(items: object, name_key: str) -> dict[str, object]:
    """Read a list of named items, or one that stands alone; an item may lack its Value.

    A name that occurs twice with different values is ambiguous: it becomes None.
    """
    values: dict[str, object] = {}
    for item in items if isinstance(items, list) else [items]:
        name = item.get(name_key) if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(name, str):
            continue
        value = item.get("Value")
        values[name] = value if values.get(name, value) == value else None
    return values


def read_identifier(value: object) -> str | None:
    """Return a text of 1 to 128 characters without the blanks around it, or None."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    return text if 0 < len(text) <= MAX_ID_LENGTH else None


def read_receipt(value: object) -> str | None:
    """Return a receipt as M-Pesa writes it, or None."""
    return read_identifier(normal_receipt(value)) if isinstance(value, str) else None


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
    """Return shillings from a number or a text, or None."""
    text = _scalar(value)
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


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
    """Read a time of day in Nairobi as an aware moment in UTC."""
    text = _scalar(value)
    found = next(filter(None, (form.fullmatch(text) for form in _DATE_FORMS)), None)
    if found is None:
        return None
    parts = {name: int(digits) for name, digits in found.groupdict().items()}
    try:
        local = datetime(**parts, tzinfo=NAIROBI)
    except ValueError:
        return None
    return local.astimezone(UTC) if can_be_kept(local) else None
