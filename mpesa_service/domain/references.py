"""Ids that the service creates, and the short reference that the customer sees in the prompt."""

import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta

ACCOUNT_REFERENCE_LIMIT = 12
"""Characters that an STK push accepts as AccountReference (Safaricom's portal documentation)."""

ORDER_ID_LIMIT = 64
_PART = "[ .#:]*[A-Za-z0-9_-][A-Za-z0-9_.#: -]*"
ORDER_ID_PATTERN = f"^(?! )(?!.* $){_PART}(?:/{_PART})*$"
"""Order ids of shops, such as `ORDER-1001`, `INV/2026/00012`, `#1001` and `POS 3: 17`. Each part between
slashes has a letter, a digit, `-` or `_`: an address with `..` or `//` changes on its way."""
ORDER_ID_RULE = "1 to 64 letters, digits, - _ . # : or /, with single slashes, and blanks between them"
_ORDER_ID = re.compile(ORDER_ID_PATTERN)
_RECEIPT = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]{10}")
_BATCH_REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def new_id(now: datetime) -> str:
    """Return 24 hex digits: the millisecond of creation, then 48 random bits. Ids sort by time."""
    return f"{(now - _EPOCH) // _MILLISECOND:012x}{secrets.token_hex(6)}"


def first_id(at: datetime) -> str:
    """Return the smallest id that can have been created at `at` (rounded up to the millisecond) or later."""
    return f"{max(0, -((_EPOCH - at) // _MILLISECOND)):012x}{0:012x}"


def new_token() -> str:
    """Return an unguessable path segment (256 bits, URL-safe) for one payment's callbacks."""
    return secrets.token_urlsafe(32)


def normal_receipt(text: str) -> str:
    """Return a receipt in capitals, as M-Pesa writes it: another spelling is not another payment."""
    return text.strip().upper()


def is_like_receipt(text: str) -> bool:
    """Return whether `text` has the usual form of M-Pesa's receipts: ten letters and digits."""
    return _RECEIPT.fullmatch(text.strip()) is not None


def is_order_id(text: str) -> bool:
    """Return whether `text` is an order id of at most 64 characters in the form of ORDER_ID_PATTERN."""
    return len(text) <= ORDER_ID_LIMIT and _ORDER_ID.fullmatch(text) is not None


def is_batch_reference(text: str) -> bool:
    """Return whether `text` is 1 to 64 ASCII letters, digits, `-` and `_`."""
    return _BATCH_REFERENCE.fullmatch(text) is not None


def account_reference(order_id: str) -> str:
    """Return the account reference for `order_id`: at most 12 letters and digits, always the same.

    A short order id is used as it is, without special characters, which are reported to break requests. A
    long one becomes a hash and its last five letters and digits, which people read aloud.
    """
    plain = re.sub(r"[^A-Za-z0-9]", "", order_id)
    if plain == order_id and len(plain) <= ACCOUNT_REFERENCE_LIMIT:
        return plain
    digest = hashlib.sha256(order_id.encode()).hexdigest().upper()
    tail = plain[-5:]
    return digest[: ACCOUNT_REFERENCE_LIMIT - len(tail)] + tail
