"""What a statement says about itself: in the labels above its columns, and in its name."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest

from mpesa_service.statements.cells import (
    Cell,
    Times,
    UnreadableCell,
    plain_text,
    read_cents,
    read_comma_cents,
    read_text,
)

NEW_NAME = re.compile(
    r"Statements?[ _]for[ _](?P<shortcode>\d{4,10})[ _]from[ _](?P<begin>\d{4}-\d\d-\d\d)[ _]to[ _]"
    r"(?P<end>\d{4}-\d\d-\d\d)",
    re.ASCII | re.IGNORECASE,
)
DAILY_NAME = re.compile(
    r"Mpesa_(?P<shortcode>\d{4,10})_(?P<day>\d{8})(?P<clock>\d{6})", re.ASCII | re.IGNORECASE
)
_SHORTCODE = re.compile(r"\d{4,10}", re.ASCII)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Heading:
    """What a file says about itself: above its columns, or in its name. Amounts are in cents.

    The period is in UTC; its end is the last second that it covers.
    """

    shortcode: str | None = None
    account: str | None = None
    period_from: datetime | None = None
    period_to: datetime | None = None
    opening_cents: int | None = None
    closing_cents: int | None = None
    paid_in_cents: int | None = None
    withdrawn_cents: int | None = None


def column_key(cell: Cell) -> str:
    """Return the common form of a column's name: lower case, without what is in parentheses, dots, blanks."""
    text = re.sub(r"\(.*?\)", "", read_text(cell)).casefold()
    return "".join(letter for letter in text if letter.isalnum())


def heading_of(
    rows: Iterable[Sequence[Cell]], *, decimal_comma: bool = False, month_first: bool = False
) -> Heading:
    """Read the labels above the columns, such as `Short Code:`, each with the value after it."""
    found: dict[str, str] = {}
    begin = end = None
    cents = read_comma_cents if decimal_comma else read_cents
    for cells in rows:
        texts = [read_text(cell) for cell in cells]
        filled = [text for text in texts if text]
        for label, value in zip_longest(filled, filled[1:], fillvalue=""):
            # A label without a value is followed by the next label.
            found.setdefault(column_key(label), "" if value.endswith(":") else value)
        times = Times(month_first=month_first)
        begin, end = begin or _after(filled, "from", times), end or _after(filled, "to", times)
    return Heading(
        shortcode=_shortcode(found),
        account=plain_text(found.get("account", ""))[:64] or None,
        period_from=begin,
        period_to=end,
        opening_cents=_amount(found.get("openingbalance"), cents),
        closing_cents=_amount(found.get("closingbalance"), cents),
        paid_in_cents=_amount(found.get("totalpaidin"), cents),
        withdrawn_cents=_absolute(_amount(found.get("totalwithdrawn"), cents)),
    )


def _shortcode(found: Mapping[str, str]) -> str | None:
    for label in ("shortcode", "tillnumber", "paybill", "paybillnumber", "organizationshortcode"):
        if match := _SHORTCODE.search(found.get(label, "")):
            return match[0]
    return None


def _after(texts: Sequence[str], word: str, times: Times) -> datetime | None:
    """Return the time after `From` or `To`: in the same cell, or in the next one."""
    form = re.compile(rf"\b{word}\b:?\s*(\d[\d\-/: ]*\d)?", re.IGNORECASE)
    for text, following in zip_longest(texts, texts[1:], fillvalue=""):
        if match := form.search(text):
            try:
                found = times.read(match[1] or following)
            except UnreadableCell:
                continue
            if found is not None:
                return found
    return None


def _amount(text: str | None, cents: Callable[[Cell], int | None]) -> int | None:
    try:
        return cents(text)
    except UnreadableCell:
        return None


def _absolute(cents: int | None) -> int | None:
    return None if cents is None else abs(cents)


def completed(heading: Heading, name: str) -> Heading:
    """Add what only the file's name says: the shortcode, and the period in whole days of Nairobi."""
    begin = end = None
    if match := NEW_NAME.search(name):
        begin, end = _day(match["begin"]), _day(match["end"])
    elif (match := DAILY_NAME.search(name)) and match["clock"] == "235959":
        begin = end = _day(match["day"])
    if match is None:
        return heading
    return Heading(
        **{
            **vars(heading),
            "shortcode": heading.shortcode or match["shortcode"],
            "period_from": heading.period_from or begin,
            "period_to": heading.period_to or (end + _DAY - _SECOND if end else None),
        }
    )


def _day(text: str) -> datetime | None:
    """Return the first second of a day of Nairobi, in UTC."""
    digits = text.replace("-", "")
    try:
        return Times().read(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}")
    except UnreadableCell:
        return None
