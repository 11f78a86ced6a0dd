"""Reads JSON that is not correct, and forms, as far as it is certain what they say.

M-Pesa copies what people typed and what other systems hold, so bodies are not always correct JSON in UTF-8. A
fault in a field that moves no money must not lose the money. So bytes that are not UTF-8 are cp1252, and
control characters, wrong escapes, halves of surrogate pairs, bytes after the document and form encoding are
accepted. A number that no honest sender writes (NaN, more than 32 digits) is NOT_READABLE, which does not
affect the other fields.

Two values of one key count if they agree; a blank one agrees with every other. If the key names money (see
`MONEY_KEYS`) and they do not agree, nothing is read. If it directs money (see `DIRECTING_KEYS`), its value is
CONTRADICTORY. Of any other key the last value counts.
"""

import json
import re
from collections.abc import Collection, Sequence
from decimal import Decimal
from urllib.parse import parse_qsl

from mpesa_service.daraja.posted_names import KEYS, USUAL_ITEM_NAMES, USUAL_KEYS, in_usual_case
from mpesa_service.domain.orders import reference_key

MAX_DEPTH = 24
MAX_DIGITS = 32
MAX_FORM_FIELDS = 64
NOT_READABLE = object()
"""A value that no reader reads: a name has several values, or no honest sender writes such a number."""
CONTRADICTORY = object()
"""The value of a key of `DIRECTING_KEYS` that has several values, which do not agree."""
WRAPPERS = ("Body", "stkCallback", "Result")
"""The documented wrappers of a document."""
_IDS = ("TransID", "CheckoutRequestID", "OriginatorConversationID", "ConversationID", "TransactionID")
MONEY_KEYS = frozenset(
    {
        *_IDS,
        *WRAPPERS,
        *("TransAmount", "ResultCode", "ResultType"),
        *("CallbackMetadata", "Item", "ResultParameters", "ResultParameter", "Name", "Key"),
    }
)
"""The keys that say which money moved, and the keys that contain such keys."""
MONEY_ITEMS = frozenset(
    {
        *("Amount", "MpesaReceiptNumber", "TransactionAmount", "TransactionReceipt", "ReceiptNo"),
        *("TransactionStatus", "OriginalTransactionID"),
    }
)
"""The names of items of a list whose Value says which money moved."""
DIRECTING_KEYS = frozenset({"BillRefNumber", "BusinessShortCode"})
"""The keys that say where money goes."""
_ACCOUNTS = frozenset({"BillRefNumber", "BillReferenceNumber", "AccountReference"})
_CASELESS = frozenset(
    {
        *("TransID", "TransactionID", "ResultCode", "ResultType", "Name", "Key"),
        *("MpesaReceiptNumber", "TransactionReceipt", "ReceiptNo", "OriginalTransactionID"),
        "TransactionStatus",
    }
)
"""The keys and names whose values mean the same in every letter case."""
_BOM = b"\xef\xbb\xbf"
_BLANKS = " \t\r\n\ufeff\x00"
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})|\\')
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
_DIGITS = re.compile(r"[0-9]{1,32}(\.[0-9]{1,32})?")


class Unclear(ValueError):
    """A text cannot be read for certain. The message quotes nothing of the text."""


def read_leniently(raw: bytes) -> object:
    """Return the JSON document or the form in `raw`. Raises Unclear."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.removeprefix(_BOM).decode("cp1252", "replace")
    return read_text_leniently(text)


def read_text_leniently(text: str) -> object:
    """Return the JSON document or the form in `text`. Raises Unclear."""
    text = text.strip(_BLANKS)
    try:
        return _storable(_read_json(text) if text[:1] in {"{", "[", '"'} else _read_form(text))
    except RecursionError:
        raise Unclear("nested too deeply") from None
    except Unclear:
        raise
    except ValueError as error:
        raise Unclear("neither JSON nor a form") from error


def _read_json(text: str) -> object:
    text = _ESCAPE.sub(lambda found: found[0] if len(found[0]) > 1 else r"\\", text)
    value, end = _DECODER.raw_decode(text)
    rest = text[end:].strip(_BLANKS)
    if any(name.lower() in rest.lower() for name in _IDS) and _DECODER.raw_decode(rest)[0] != value:
        raise Unclear("another document follows")
    return value


def _read_form(text: str) -> object:
    """Read `key=value` pairs, or a form whose only key is a JSON text."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS, errors="strict")
    except UnicodeDecodeError:
        pairs = parse_qsl(text, keep_blank_values=True, encoding="cp1252", errors="replace")
    if len(pairs) == 1 and not pairs[0][1]:
        key = pairs[0][0].strip(_BLANKS)
        if key[:1] in {"{", "["}:
            return _read_json(key)
    if not any(value for _, value in pairs):
        raise Unclear("neither JSON nor a form")
    return _merged(pairs)


def _merged(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Return an object; raise Unclear if a key that names money has two values that do not agree."""
    found = dict(pairs)
    if not found.keys() <= KEYS:
        pairs = in_usual_case(pairs, USUAL_KEYS)
        found = dict(pairs)
    if len(found) == len(pairs):
        return found
    texts = [value for key, value in pairs if key in {"Name", "Key"} and isinstance(value, str)]
    names = {USUAL_ITEM_NAMES.get(text.strip().lower()) for text in texts}
    money = MONEY_KEYS | {"Value"} if names & MONEY_ITEMS else MONEY_KEYS
    merged: dict[str, object] = {}
    for key, value in pairs:
        merged[key] = _one_of(key, merged[key], value, money) if key in merged else value
    return merged


def _one_of(key: str, one: object, other: object, money: Collection[str]) -> object:
    """Return the value of a key that has two values. Raises Unclear."""
    agreed = agreed_value(key, one, other)
    if agreed is not NOT_READABLE:
        return agreed
    if key in money:
        raise Unclear(f"{key} has two values that do not agree")
    return CONTRADICTORY if key in DIRECTING_KEYS else other


def agreed_value(name: str, one: object, other: object) -> object:
    """Return what two values of one name say; NOT_READABLE if they do not agree."""
    if is_blank(other):
        return one
    return other if is_blank(one) or values_agree(one, other, name) else NOT_READABLE


def is_blank(value: object) -> bool:
    """Return whether this is null, or a text without a character."""
    return value is None or (isinstance(value, str) and not value.strip())


def values_agree(one: object, other: object, name: str = "") -> bool:
    """Return whether two values of one name mean the same: 100 is "100.00"."""
    if one == other:
        return True
    first, second = (f"{value}".strip() if isinstance(value, str | int) else "" for value in (one, other))
    if name in _ACCOUNTS:
        return reference_key(first) == reference_key(second) != ""
    if first and (first == second or (name in _CASELESS and first.upper() == second.upper())):
        return True
    number = _number(one)
    return number is not None and number == _number(other)


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return None
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    text = text.replace(",", "").strip()
    return Decimal(text) if _DIGITS.fullmatch(text) else None


def _integer(text: str) -> object:
    return int(text) if len(text) <= MAX_DIGITS else NOT_READABLE


def _decimal(text: str) -> object:
    try:
        number = Decimal(text) if len(text) <= MAX_DIGITS else None
    except ArithmeticError:  # its exponent is larger than a Decimal can have
        number = None
    return NOT_READABLE if number is None or abs(number.adjusted()) > MAX_DIGITS else number


_DECODER = json.JSONDecoder(
    parse_float=_decimal,
    parse_int=_integer,
    parse_constant=lambda _: NOT_READABLE,
    object_pairs_hook=_merged,
    strict=False,
)


def _storable(value: object, depth: int = 1) -> object:
    """Return a value with replacements for the characters that a database cannot hold."""
    if depth > MAX_DEPTH:
        raise Unclear("nested too deeply")
    if isinstance(value, str):
        return _NOT_STORABLE.sub(_REPLACEMENT, value)
    if isinstance(value, dict):
        pairs = value.items()
        return {_NOT_STORABLE.sub(_REPLACEMENT, key): _storable(part, depth + 1) for key, part in pairs}
    if isinstance(value, list):
        return [_storable(part, depth + 1) for part in value]
    return value


def refuse_unstorable(value: object) -> None:
    """Raise ValueError for text that a database cannot hold, and for too many levels.

    It walks without recursion, so that depth is an answer rather than a crash.
    """
    waiting: list[tuple[object, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        if isinstance(item, str):
            _refuse_text(item)
        elif isinstance(item, dict):
            waiting.extend((part, depth + 1) for pair in item.items() for part in pair)
        elif isinstance(item, list):
            waiting.extend((part, depth + 1) for part in item)


def _refuse_text(text: str) -> None:
    if "\x00" in text:
        raise ValueError("a text contains NUL")
    text.encode("utf-8")
