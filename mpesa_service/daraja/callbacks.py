"""Parsers of what M-Pesa posts. Callbacks are unsigned: what they return is a claim, not a fact.

Whatever the bytes are, a parser returns a typed value or raises UnreadableCallback. Shapes are
those of Safaricom's portal documentation and of captures: items in any order, `Balance` without
a Value, no metadata on failures, one object where a list was promised.
"""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from mpesa_service.daraja.codes import ResultCode
from mpesa_service.daraja.command_results import command_result
from mpesa_service.daraja.credentials import NAIROBI
from mpesa_service.daraja.errors import UnreadableCallback
from mpesa_service.daraja.json_text import load_json
from mpesa_service.daraja.stk_results import stk_result
from mpesa_service.domain.outcomes import Outcome

MAX_CALLBACK_BYTES = 64 * 1024
MAX_ID_LENGTH = 128
MAX_DESCRIPTION_LENGTH = 1024
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")
_PLACEHOLDER = re.compile(r"[A-Z0-9]{3}0{7}")
_DATE_FORMS = (
    (re.compile(r"[0-9]{14}"), "%Y%m%d%H%M%S"),
    (re.compile(r"[0-9]{2}\.[0-9]{2}\.[0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}"), "%d.%m.%Y %H:%M:%S"),
)


@dataclass(frozen=True, kw_only=True)
class StkCallback:
    """The end of a push, as claimed. Amount, receipt, phone and time only come with success.

    `amount` is in shillings; `paid_at` is aware and in UTC; `phone` is text, perhaps masked.
    """

    merchant_request_id: str
    checkout_request_id: str = field(repr=False)
    result: ResultCode
    result_desc: str
    amount: Decimal | None
    receipt: str | None
    phone: str | None = field(repr=False)
    paid_at: datetime | None
    raw: dict[str, object] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """The end of a payout, reversal or query, as claimed.

    `result_type` is 0 when complete, 1 when more messages follow (documented). Either id may be
    "" but not both. `transaction_id` may be a placeholder; use `receipt`.
    """

    result_type: int
    result: ResultCode
    result_desc: str
    originator_conversation_id: str
    conversation_id: str
    transaction_id: str | None
    parameters: dict[str, object] = field(repr=False)
    raw: dict[str, object] = field(repr=False)

    @property
    def amount(self) -> Decimal | None:
        """Shillings moved, by the parameter that names them."""
        return _amount(self._first("TransactionAmount", "Amount"))

    @property
    def receipt(self) -> str | None:
        """The M-Pesa receipt of a success; None on failure, where ids are placeholders."""
        if self.result.outcome is not Outcome.PAID:
            return None
        receipt = _identifier(self._first("TransactionReceipt", "ReceiptNo") or self.transaction_id)
        return None if receipt is None or _PLACEHOLDER.fullmatch(receipt) else receipt

    @property
    def completed_at(self) -> datetime | None:
        """When it was done, aware and in UTC; both of M-Pesa's ways to write a date are read."""
        return _moment(
            self._first(
                "TransactionCompletedDateTime",
                "TransCompletedTime",
                "FinalisedTime",
                "BOCompletedTime",
            )
        )

    def _first(self, *names: str) -> object:
        found = (self.parameters.get(name) for name in names)
        return next((value for value in found if value is not None), None)


def parse_stk_callback(raw: bytes) -> StkCallback:
    """Read the callback of an STK push. Raises UnreadableCallback."""
    operation = "stk_callback"
    document = _document(raw, operation)
    callback = _child(_child(document, "Body", operation), "stkCallback", operation)
    result = stk_result(_required(callback, "ResultCode", operation))
    paid = result.outcome is Outcome.PAID
    metadata = callback.get("CallbackMetadata")
    items = metadata.get("Item") if paid and isinstance(metadata, dict) else None
    values = _named_values(items, "Name")
    return StkCallback(
        merchant_request_id=_required_id(callback, "MerchantRequestID", operation),
        checkout_request_id=_required_id(callback, "CheckoutRequestID", operation),
        result=result,
        result_desc=_description(callback.get("ResultDesc")),
        amount=_amount(values.get("Amount")),
        receipt=_identifier(values.get("MpesaReceiptNumber")),
        phone=_phone(values.get("PhoneNumber")),
        paid_at=_moment(values.get("TransactionDate")),
        raw=document,
    )


def parse_command_result(raw: bytes) -> CommandResult:
    """Read the result of a payout or another command. Raises UnreadableCallback."""
    operation = "command_result"
    document = _document(raw, operation)
    result = _child(document, "Result", operation)
    code = command_result(_required(result, "ResultCode", operation))
    ours = _identifier(result.get("OriginatorConversationID")) or ""
    theirs = _identifier(result.get("ConversationID")) or ""
    if not ours and not theirs:
        raise UnreadableCallback("neither conversation id is there", operation=operation)
    parameters = result.get("ResultParameters")
    items = parameters.get("ResultParameter") if isinstance(parameters, dict) else None
    return CommandResult(
        result_type=_result_type(result.get("ResultType", 0), operation),
        result=code,
        result_desc=_description(result.get("ResultDesc")),
        originator_conversation_id=ours,
        conversation_id=theirs,
        transaction_id=_identifier(result.get("TransactionID")),
        parameters=_named_values(items, "Key"),
        raw=document,
    )


def _document(raw: bytes, operation: str) -> dict[str, object]:
    if len(raw) > MAX_CALLBACK_BYTES:
        raise UnreadableCallback("longer than 64 kB", operation=operation)
    try:
        document = load_json(raw)
    except ValueError as error:
        raise UnreadableCallback("not usable JSON", operation=operation) from error
    if not isinstance(document, dict):
        raise UnreadableCallback("not a JSON object", operation=operation)
    return document


def _child(parent: dict[str, object], key: str, operation: str) -> dict[str, object]:
    child = parent.get(key)
    if not isinstance(child, dict):
        raise UnreadableCallback(f"{key} is not an object", operation=operation)
    return child


def _required(parent: dict[str, object], key: str, operation: str) -> object:
    if parent.get(key) is None:
        raise UnreadableCallback(f"{key} is missing", operation=operation)
    return parent[key]


def _required_id(parent: dict[str, object], key: str, operation: str) -> str:
    found = _identifier(parent.get(key))
    if found is None:
        raise UnreadableCallback(f"{key} is missing or no text", operation=operation)
    return found


def _result_type(value: object, operation: str) -> int:
    if str(value) not in {"0", "1"}:
        raise UnreadableCallback("ResultType is neither 0 nor 1", operation=operation)
    return int(str(value))


def _named_values(items: object, name_key: str) -> dict[str, object]:
    """Read a list of named items, or one that stands alone; an item may lack its Value.

    A name that comes twice with different values says nothing: it is kept as None.
    """
    values: dict[str, object] = {}
    for item in items if isinstance(items, list) else [items]:
        name = item.get(name_key) if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(name, str):
            continue
        value = item.get("Value")
        values[name] = value if values.get(name, value) == value else None
    return values


def _identifier(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    text = value.strip()
    return text if 0 < len(text) <= MAX_ID_LENGTH else None


def _description(value: object) -> str:
    return value[:MAX_DESCRIPTION_LENGTH] if isinstance(value, str) else ""


def _scalar(value: object) -> str:
    """Write a number or a text as text; anything else is ""."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return ""
    return f"{value:f}" if isinstance(value, Decimal) else str(value).strip()


def _amount(value: object) -> Decimal | None:
    text = _scalar(value)
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


def _phone(value: object) -> str | None:
    return _identifier(_scalar(value))


def _moment(value: object) -> datetime | None:
    """Read a time of day in Nairobi as an aware moment in UTC."""
    text = _scalar(value)
    for shape, form in _DATE_FORMS:
        if shape.fullmatch(text):
            try:
                local = datetime.strptime(text, form).replace(tzinfo=NAIROBI)
                return local.astimezone(UTC)
            except (ValueError, OverflowError):
                return None
    return None
