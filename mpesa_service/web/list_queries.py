"""The queries that lists and exports have in common: filters, pages, and the format of a file."""

from collections.abc import Sequence
from typing import Any

from marshmallow import fields

from mpesa_service.web.fields import Pattern, RequestSchema, between, bom_field, one_of
from mpesa_service.web.file_formats import FORMATS
from mpesa_service.web.query_fields import Cursor, QueryTime, WholeNumber, Words

_WHOLE_DAY = "A date includes the whole day."


def statuses_field(words: Sequence[str]) -> Words:
    """Return the filter by some of these statuses."""
    several = "Several values: repeat the parameter, or separate them by commas."
    return Words(words, data_key="status", load_default=frozenset(), metadata={"description": several})


def _moment(key: str, description: str, *, end: bool = False) -> QueryTime:
    form: dict[str, Any] = {"type": "string", "example": "2026-11-22", "description": description}
    return QueryTime(end=end, data_key=key, load_default=None, metadata=form)


class MoneyFilterSchema(RequestSchema):
    """Filters for money that moved, by its times, receipt and amount. It must match all of them."""

    since = _moment("from", "Created at this time or later. Without a time zone: Nairobi time.")
    until = _moment("to", f"Created before this time. {_WHOLE_DAY}", end=True)
    paid_since = _moment("paidFrom", "Paid at this time or later, by `paidAt`.")
    paid_until = _moment("paidTo", f"Paid before this time, by `paidAt`. {_WHOLE_DAY}", end=True)
    receipt = fields.String(
        load_default=None,
        validate=Pattern(r"^[A-Za-z0-9_-]{1,128}$", error="must be letters, digits, - or _."),
    )
    min_amount = WholeNumber(data_key="minAmount", load_default=None)
    max_amount = WholeNumber(data_key="maxAmount", load_default=None)


class CursorPageSchema(RequestSchema):
    """The page of a list whose responses name the next one."""

    limit = WholeNumber(load_default=50, validate=between(1, 100))
    after = Cursor(
        load_default=None,
        metadata={"type": "string", "description": "The value of `next` from the previous page."},
    )


class IdPageSchema(RequestSchema):
    """The page of a list that begins after an `_id`."""

    limit = fields.Integer(load_default=50, validate=between(1, 200))
    after = fields.String(
        load_default="",
        validate=Pattern(r"^[0-9a-f]{0,24}$", error="must be an `_id`."),
        metadata={"description": "The `_id` of the last entry of the previous page."},
    )


class ExportFormatSchema(RequestSchema):
    """The format of an exported file."""

    format = fields.String(
        load_default=None,
        validate=one_of(FORMATS),
        metadata={"description": "By default what `Accept` names, else CSV."},
    )
    bom = bom_field()
