"""Fields of request and response bodies that check money, phone numbers, ids and times."""

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, ValidationError, fields, validate

from mpesa_service.domain.moments import can_be_stored
from mpesa_service.domain.money import typed_shillings
from mpesa_service.domain.phones import normalize_msisdn
from mpesa_service.domain.references import ORDER_ID_LIMIT, ORDER_ID_PATTERN, ORDER_ID_RULE, is_order_id
from mpesa_service.domain.reports import Evidence
from mpesa_service.errors import InvalidAmount, InvalidPhone

NAIROBI = ZoneInfo("Africa/Nairobi")
MAX_METADATA_BYTES = 4_096
MAX_METADATA_DEPTH = 5


class RequestSchema(Schema):
    """The fields of a request. Faults that every field can have are reported in the API's own words."""

    error_messages = {"unknown": "is not a known field."}  # noqa: RUF012 - as marshmallow declares it

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:  # noqa: ARG002
        for field in (field_obj, getattr(field_obj, "inner", field_obj)):
            field.error_messages = {
                name: _OURS.get(text, text) for name, text in field.error_messages.items()
            }


_OURS: dict[Any, Any] = {
    "Missing data for required field.": "is required.",
    "Field may not be null.": "must not be null.",
    "Not a valid string.": "must be a text.",
    "Not a valid integer.": "must be a whole number.",
    "Not a valid boolean.": "must be true or false.",
    "Not a valid list.": "must be a list.",
    "Not a valid {obj_type}.": "must be an ISO 8601 time, such as 2026-11-30T18:00:00+03:00.",
    "Must be one of: {choices}.": "must be one of: {choices}.",
}
"""Our words for marshmallow's own messages."""


def between(least: int, most: int) -> validate.Range:
    """Return the check of a number in a range."""
    return validate.Range(least, most, error="must be {min} to {max}.")


def characters(least: int, most: int) -> validate.Length:
    """Return the check of a text's length."""
    return validate.Length(least, most, error="must be {min} to {max} characters.")


class ReasonField(fields.String):
    """The reason for a person's decision, 1 to 500 characters without the blanks around it."""

    def __init__(self, **more: Any) -> None:
        description = "The reason. It is kept with the operator's name."
        super().__init__(validate=characters(1, 500), metadata={"description": description}, **more)

    def _deserialize(self, value: Any, *arguments: Any, **more: Any) -> Any:
        return super()._deserialize(value, *arguments, **more).strip()


class Pattern(validate.Regexp):
    """Accepts a text that matches as a whole. Begin the pattern with `^` and end it with `$`.

    The OpenAPI document publishes the pattern. Python's own mark of the end is the letter Z in JavaScript.
    """

    def __call__(self, value: Any) -> Any:
        if self.regex.fullmatch(value) is None:
            raise ValidationError(self._format_error(value))
        return value


def one_of(words: Iterable[str]) -> validate.OneOf:
    """Return the check of a text that is one of these words."""
    return validate.OneOf(list(words), error="must be one of: {choices}.")


class PhoneNumber(fields.Field[str]):
    """A Kenyan mobile number in any usual format; loads as 254XXXXXXXXX."""

    default_error_messages = {"null": InvalidPhone.message}  # noqa: RUF012

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str):
            raise ValidationError(InvalidPhone.message)
        try:
            return normalize_msisdn(value)
        except InvalidPhone as error:
            raise ValidationError(error.message) from error


class Shillings(fields.Field[int]):
    """Whole shillings: a JSON integer, or a number or a text with only zeros after its point."""

    default_error_messages = {"null": InvalidAmount.message}  # noqa: RUF012

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> int:
        amount = typed_shillings(value)
        if amount is None:
            raise ValidationError(InvalidAmount.message)
        if amount < 1:
            raise ValidationError("Amount must be at least 1 shilling.")
        return amount


class OrderId(fields.Field[str]):
    """The id of an order, as the shop writes it."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if not isinstance(value, str) or not is_order_id(value):
            raise ValidationError(f"orderId must be {ORDER_ID_RULE}.")
        return value


class Metadata(fields.Field[dict[str, Any]]):
    """The caller's own JSON object, limited in size and depth. It is stored and returned unchanged."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValidationError("metadata must be an object.")
        if _depth(value) > MAX_METADATA_DEPTH:
            raise ValidationError(f"metadata may be nested {MAX_METADATA_DEPTH} levels deep at most.")
        text = _as_json(value)
        if len(text) > MAX_METADATA_BYTES:
            raise ValidationError(f"metadata may have {MAX_METADATA_BYTES} bytes at most.")
        if "\\u0000" in text or "\\ud" in text.lower():
            _refuse_unstorable(value)
        return value


def _as_json(value: Any) -> str:
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError as error:  # 1e999 is valid JSON, but infinity in Python
        raise ValidationError("metadata contains a number that is out of range.") from error


def _refuse_unstorable(value: Any) -> None:
    """Raise ValidationError for NUL or half a surrogate pair: PostgreSQL's text cannot store them."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValidationError("metadata contains text that is not valid Unicode.") from error
    if "\\u0000" in text:
        raise ValidationError("metadata may not contain NUL characters.")


def _depth(value: Any, most: int = MAX_METADATA_DEPTH + 1) -> int:
    """Return how deep containers are nested in `value`; at most `most`, where the search stops."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list) or most == 0:
        return 0
    return 1 + max((_depth(item, most - 1) for item in value), default=0)


class ZonedTime(fields.AwareDateTime):
    """An ISO 8601 time, in a year that the service can store. A time without a zone is Nairobi time."""

    def __init__(self, *, default_timezone: tzinfo | None = NAIROBI, **more: Any) -> None:
        super().__init__(format="iso", default_timezone=default_timezone, **more)

    def _deserialize(self, value: Any, *arguments: Any, **more: Any) -> Any:
        found = super()._deserialize(value, *arguments, **more)
        if not can_be_stored(found):
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)
        return found


class EndTime(ZonedTime):
    """The end of a period. A date without a time includes its day: it loads as the start of the next day."""

    def _deserialize(self, value: Any, *arguments: Any, **more: Any) -> Any:
        found = super()._deserialize(value, *arguments, **more)
        return found + timedelta(days=1) if _is_date(value) else found


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


class NairobiTime(fields.Field[datetime]):
    """Dumps a time as ISO 8601 with +03:00 and milliseconds."""

    def _serialize(self, value: datetime | None, *_: Any, **__: Any) -> str | None:
        return value.astimezone(NAIROBI).isoformat(timespec="milliseconds") if value else None


TIME_EXAMPLE = {"type": "string", "format": "date-time", "example": "2026-11-22T14:05:09.120+03:00"}


def order_id_field(*, nullable: bool = False) -> OrderId:
    """Return the field of an order that a request must name; null is a name only if it is `nullable`."""
    form = {
        "type": "string",
        "pattern": ORDER_ID_PATTERN,
        "maxLength": ORDER_ID_LIMIT,
        "example": "INV/2026/00012",
    }
    return OrderId(data_key="orderId", required=True, allow_none=nullable, metadata=form)


def metadata_field() -> Metadata:
    """Return the field of the caller's own data in a request."""
    words = "Your own data, stored and returned unchanged. At most 4 kB and 5 levels."
    return Metadata(load_default=dict, metadata={"type": "object", "description": words})


def bom_field() -> fields.Boolean:
    """Return the field of a query that requests a byte order mark."""
    words = "Begin a CSV file with a byte order mark, so that Excel reads it as UTF-8."
    return fields.Boolean(
        load_default=None, truthy={"true"}, falsy={"false"}, metadata={"description": words}
    )


def text_field(key: str, description: str = "", *, nullable: bool = True) -> fields.String:
    return fields.String(data_key=key, allow_none=nullable, metadata={"description": description})


def evidence_field() -> fields.String:
    """Return the field that says what a status is based on."""
    words = f"The source that the status is based on: {', '.join(Evidence)}."
    return text_field("evidence", words)


def time_field(key: str, description: str = "", *, nullable: bool = False) -> NairobiTime:
    described = {**TIME_EXAMPLE, "description": description} if description else TIME_EXAMPLE
    return NairobiTime(data_key=key, allow_none=nullable, metadata=described)
