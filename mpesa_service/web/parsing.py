"""Strict parsing of requests: JSON, and files of payouts if the route takes rows.

Numbers must be plain. Every fault is a 400 or 415 in the API's error shape.
"""

import json
from typing import Any, NoReturn

from flask import Request
from marshmallow import RAISE, Schema, ValidationError
from webargs import missing
from webargs.flaskparser import FlaskParser, is_json_request
from werkzeug.exceptions import UnsupportedMediaType

from mpesa_service.domain.money import WrittenNumber
from mpesa_service.errors import InvalidAmount, InvalidPhone, InvalidRequest
from mpesa_service.web.payout_files import FILE_TYPES, read_payout_file

_CODES = {
    "phoneNumber": InvalidPhone.code,
    "amount": InvalidAmount.code,
    "orderId": "invalid_order_id",
}
JSON_OR_FILE = "json_or_file"
MIN_KEY_LENGTH, MAX_KEY_LENGTH = 1, 255

_PLACES = ("json", "query", JSON_OR_FILE)


class StrictParser(FlaskParser):
    """webargs' parser with our errors. An empty body counts as no fields; unknown fields are refused."""

    DEFAULT_VALIDATION_STATUS = 400
    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {  # noqa: RUF012 - as webargs declares it
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": RAISE,
        JSON_OR_FILE: RAISE,
    }
    __location_map__: dict[str, Any] = {  # noqa: RUF012 - as webargs declares it
        **FlaskParser.__location_map__,
        JSON_OR_FILE: "load_json_or_file",
    }

    def load_json(self, req: Request, schema: Schema) -> Any:  # noqa: ARG002
        raw = req.get_data(cache=True)
        if not raw:
            return missing
        if not is_json_request(req):
            raise UnsupportedMediaType("The body must be application/json.")
        return _strict_json(raw)

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        found = super().load_querystring(req, schema)
        twice = [
            name for name, values in req.args.lists() if len(values) > 1 and name not in found.multiple_keys
        ]
        if twice:
            raise invalid({"query": {name: ["Given twice."] for name in twice}})
        return found

    def load_json_or_file(self, req: Request, schema: Schema) -> Any:
        """Read a JSON object, or a file as the field `rows` with the other fields from the query string."""
        if req.mimetype not in FILE_TYPES:
            return self.load_json(req, schema)
        if len(list(req.args.items(multi=True))) != len(req.args):
            raise InvalidRequest("A parameter is given twice.")
        return {**req.args.to_dict(), "rows": read_payout_file(req.get_data(cache=True))}

    def handle_error(self, error: ValidationError, *_: Any, **__: Any) -> NoReturn:
        raise invalid(error.messages)


def _strict_json(raw: bytes) -> Any:
    try:
        return json.loads(
            raw.decode(),
            parse_float=WrittenNumber,
            parse_constant=_not_a_number,
            object_pairs_hook=_without_duplicates,
        )
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("The body is not valid JSON.", code="invalid_json") from error


def _not_a_number(word: str) -> NoReturn:
    raise _invalid_json(f"{word} is not a JSON number.")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _invalid_json(f"the field {json.dumps(name[:64])} occurs twice.")
        found[name] = value
    return found


def _invalid_json(cause: str) -> InvalidRequest:
    return InvalidRequest(f"The body is not valid JSON: {cause}", code="invalid_json")


def invalid(messages: Any) -> InvalidRequest:
    """Return one error for all faults of a body: the message is the first fault, the details list all."""
    by_field = messages
    if isinstance(messages, dict):
        by_field = next((messages[place] for place in _PLACES if place in messages), messages)
    if not isinstance(by_field, dict) or "_schema" in by_field:
        by_field = {"body": ["must be a JSON object."]}
    by_field = {field: _flat(found) for field, found in by_field.items()}
    field, sentences = next(iter(by_field.items()))
    sentence = sentences[0]
    is_whole = field in _CODES and not sentence.startswith(("is ", "must "))
    message = sentence if is_whole else f"{field}: {sentence}"
    return InvalidRequest(message, code=_CODES.get(field, InvalidRequest.code), details={"fields": by_field})


def _flat(found: Any) -> list[str]:
    if isinstance(found, dict):
        return [sentence for inner in found.values() for sentence in _flat(inner)]
    if isinstance(found, list):
        return [str(item) for item in found]
    return [str(found)]


def idempotency_key(req: Request) -> str | None:
    """Return the Idempotency-Key header, without quotes, or None; raise InvalidRequest if it is not valid."""
    if len(req.headers.getlist("Idempotency-Key")) > 1:
        raise InvalidRequest("Send one Idempotency-Key.", code="invalid_idempotency_key")
    raw = req.headers.get("Idempotency-Key")
    if raw is None:
        return None
    key = raw.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not MIN_KEY_LENGTH <= len(key) <= MAX_KEY_LENGTH or not _visible(key):
        raise InvalidRequest(
            "Idempotency-Key must be 1 to 255 visible ASCII characters.",
            code="invalid_idempotency_key",
        )
    return key


def _visible(text: str) -> bool:
    return all("!" <= character <= "~" for character in text)
