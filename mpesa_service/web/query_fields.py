"""Fields of query strings: whole numbers, lists of words, times, and cursors of pages."""

import base64
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from marshmallow import ValidationError, fields

from mpesa_service.web.fields import NAIROBI, one_of

_MOMENT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(Z|[+ -]\d\d:\d\d)?)?", re.ASCII
)
_NO_MOMENT = "Not a date or date-time such as 2026-11-22, 2026-11-22T14:00 or 2026-11-22T14:00:00+03:00."


class WholeNumber(fields.Integer):
    """Up to twelve digits and no other characters: no sign, blank, point or underscore."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if re.fullmatch(r"[0-9]{1,12}", str(value)) is None:
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, attr, data, **kwargs)


class Words(fields.List[str]):
    """Some of the given words: a repeated parameter, or words separated by commas. Loads as a frozenset."""

    def __init__(self, words: Sequence[str], **kwargs: Any) -> None:
        word = fields.String(validate=one_of(words), metadata={"enum": list(words)})
        super().__init__(word, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        split = [word for text in value for word in text.split(",")]
        return frozenset(super()._deserialize(split, attr, data, **kwargs))


class QueryTime(fields.Field[datetime]):
    """A date or a date-time. Without a zone it is Nairobi time.

    A date is its first instant. With `end`, it is the first instant of the next day: the end of a range,
    which does not include that instant, then includes the whole day.

    A blank before the offset counts as `+`, because the parser of query strings replaces `+` by a blank.
    """

    def __init__(self, *, end: bool = False, **more: Any) -> None:
        super().__init__(**more)
        self._end = end

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> datetime:
        match = _MOMENT.fullmatch(value)
        if match is None:
            raise ValidationError(_NO_MOMENT)
        date, clock, zone = match.groups()
        try:
            found = datetime.fromisoformat(f"{date}T{clock or '00:00'}{(zone or '').replace(' ', '+')}")
        except ValueError as error:  # the 30th of February
            raise ValidationError(_NO_MOMENT) from error
        if clock is None and self._end:
            found = _next_day(found)
        return found if found.tzinfo else found.replace(tzinfo=NAIROBI)


def _next_day(date: datetime) -> datetime:
    """Return the first instant of the next day, or the last second that there is."""
    try:
        return date + timedelta(days=1)
    except OverflowError:
        return date.replace(hour=23, minute=59, second=59)


class Cursor(fields.Field[str]):
    """The start of the next page: the `next` value of the page before. Loads as the key of `Page.next`."""

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> str:
        if re.fullmatch(r"[A-Za-z0-9_-]{32}|[A-Za-z0-9_-]{56}", value) is not None:
            found = base64.urlsafe_b64decode(value)
            if re.fullmatch(rb"[0-9a-f]{24}|[0-9a-f]{42}", found) is not None:
                return found.decode()
        raise ValidationError("Not a `next` value of a page before.")


def cursor(key: str | None) -> str | None:
    """Return the text that `Cursor` loads as this key; None for None."""
    return base64.urlsafe_b64encode(key.encode()).decode() if key else None
