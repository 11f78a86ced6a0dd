"""Cells of a statement: times, amounts of money, texts. A cell that is unclear is refused, never guessed.

A csv file has only texts. A workbook also has numbers and date cells. One file may mix several spellings of
dates, because people save files again, so each cell is read by itself. What a cell does not show, `forms.py`
decides for the file. Times are Nairobi times (UTC+3, without daylight saving).
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

from mpesa_service.domain.statements import DateOrder, DateOrderReason

Cell = str | int | float | bool | date | datetime | timedelta | object | None

NAIROBI_OFFSET = timezone(timedelta(hours=3))
CENTS = 100
LARGEST_CENTS = 10**15
"""Ten trillion shillings: more than any account holds. A larger number is not an amount."""
_EXCEL_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a serial number has no zone; it is Nairobi time
_EARLIEST_SERIAL, _LATEST_SERIAL = 36_526, 73_051
"""The days 2000-01-01 and 2100-01-01 as Excel counts them."""
_MINUTE_FORM = re.compile(
    r"(?P<a>\d{1,4})(?P<sep>[-/.])(?P<b>\d{1,2})(?P=sep)(?P<c>\d{1,4})"
    r"(?:[ T]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.\d+)?)?"
    r"(?: ?(?P<half>[AP])\.?M\.?)?)?",
    re.ASCII | re.IGNORECASE,
)
_CLOCK = re.compile(r"\d\d:\d\d:\d\d", re.ASCII)
_MONEY = re.compile(r"\d{1,16}(\.\d+)?", re.ASCII)
_MARKED = re.compile(r"\d[\d.,]*\d", re.ASCII)
_SERIAL = re.compile(r"\d{5}(\.\d+)?", re.ASCII)
_BLANKS = re.compile(r"[\s\u00a0\u202f]+")


class UnreadableCell(ValueError):
    """A cell that cannot be read. The message says what is wrong, without the cell's content."""


@dataclass(frozen=True)
class Forms:
    """How a file writes dates and amounts.

    `month_first` is None if no date shows it. `reason` says why it was chosen; None if no date depends on it.
    """

    month_first: bool | None = False
    decimal_comma: bool = False
    reason: DateOrderReason | None = None

    @property
    def date_order(self) -> DateOrder | None:
        """The order of the dates; None if no date depends on it."""
        if self.reason is None:
            return None
        return DateOrder.MONTH_FIRST if self.month_first else DateOrder.DAY_FIRST


USUAL = Forms()
"""As M-Pesa writes them."""


class Times:
    """Reads times. Rows of one second and of one day follow each other, so both are kept from row to row."""

    def __init__(self, *, month_first: bool | None = False) -> None:
        self._month_first = month_first
        self._day, self._midnight = "", datetime.min.replace(tzinfo=UTC)
        self._text, self._found = "-", datetime.min.replace(tzinfo=UTC)

    def read(self, cell: Cell) -> datetime | None:
        """Return a cell's time in UTC, or None for an empty cell. Raises UnreadableCell."""
        if cell.__class__ is str:
            text: str = cell
            if text == self._text:
                return self._found
            if len(text) == 19 and text[:11] == self._day and _CLOCK.fullmatch(text[11:]):
                found = self._of_same_day(text)
            else:
                if not text.strip():
                    return None
                found = time_of(text.strip(), month_first=self._month_first)
                if len(text) == 19 and text[10] in " T":
                    self._day = text[:11]
                    local = found.astimezone(NAIROBI_OFFSET)
                    self._midnight = local.replace(hour=0, minute=0, second=0).astimezone(UTC)
            self._text, self._found = text, found
            return found
        return _read_value(cell)

    def _of_same_day(self, text: str) -> datetime:
        clock = text[11:]
        hour, minute, second = int(clock[:2]), int(clock[3:5]), int(clock[6:])
        if hour > 23 or minute > 59 or second > 59:
            raise UnreadableCell("its time is not readable")
        return self._midnight + timedelta(seconds=hour * 3600 + minute * 60 + second)


def _read_value(cell: Cell) -> datetime | None:
    """Read a cell of a workbook that is not a text."""
    if cell is None:
        return None
    if isinstance(cell, datetime):
        found = cell.replace(tzinfo=NAIROBI_OFFSET) if cell.tzinfo is None else cell
        return _rounded(found).astimezone(UTC)
    if isinstance(cell, date):
        return _in_range(datetime(cell.year, cell.month, cell.day, tzinfo=NAIROBI_OFFSET)).astimezone(UTC)
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return _of_serial(Decimal(repr(cell)))
    raise UnreadableCell("its time has no date")


def time_of(text: str, *, month_first: bool | None = False) -> datetime:
    """Return the time of a text in UTC. Raises UnreadableCell."""
    match = _MINUTE_FORM.fullmatch(text)
    if match is None:
        if _SERIAL.fullmatch(text):
            return _of_serial(Decimal(text))
        raise UnreadableCell("its time is not readable" if any(map(str.isdigit, text)) else "it has no time")
    first, month, last = match["a"], int(match["b"]), match["c"]
    if len(first) == 4:
        year, day = int(first), int(last)
    elif len(last) == 4:
        year, day = int(last), int(first)
        if month_first is None and day != month and day <= 12 and month <= 12:
            raise UnreadableCell("its date may have the day or the month first")
        if month_first:
            day, month = month, day
    else:
        raise UnreadableCell("the year of its time has two digits")
    try:
        local = datetime(
            year,
            month,
            day,
            _hour(int(match["hour"] or 0), match["half"]),
            int(match["minute"] or 0),
            int(match["second"] or 0),
            tzinfo=NAIROBI_OFFSET,
        )
        return _in_range(local).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UnreadableCell("its time is not a day of the calendar") from error


def _hour(hour: int, half: str | None) -> int:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        raise ValueError("no hour of a half day")
    return hour % 12 + (12 if half in "pP" else 0)


def _of_serial(days: Decimal) -> datetime:
    """Return the time of Excel's serial number: days since 30 December 1899, Nairobi time."""
    if not _EARLIEST_SERIAL <= days < _LATEST_SERIAL:
        raise UnreadableCell("its time is not readable")
    seconds = int((days * 86_400).to_integral_value())
    local = (_EXCEL_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=NAIROBI_OFFSET)
    return local.astimezone(UTC)


def _rounded(at: datetime) -> datetime:
    """Return a time to the nearest second: a date cell is a fraction of a day, with rounding errors."""
    return (_in_range(at) + timedelta(milliseconds=500)).replace(microsecond=0)


def _in_range(at: datetime) -> datetime:
    if not 2000 <= at.year < 2100:
        raise UnreadableCell("the year of its time is out of range")
    return at


def read_cents(cell: Cell) -> int | None:
    """Return an amount of money in cents, exactly; None for an empty cell. Raises UnreadableCell.

    Texts may have thousands commas, a sign, parentheses for a negative amount, and `KES`. An amount with more
    than two decimals is refused, unless the rest are zeros.
    """
    if cell.__class__ is str:
        text: str = cell
        if not text:
            return None
        if text[-3:-2] == "." and "_" not in text and text.isascii():
            try:
                cents = int(text[:-3].replace(",", "") + text[-2:])
            except ValueError:
                return _slow_cents(text)
            return cents if -LARGEST_CENTS < cents < LARGEST_CENTS else _slow_cents(text)
        return _slow_cents(text)
    if cell is None:
        return None
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        raise UnreadableCell("an amount is not a number")
    return _exact(Decimal(repr(cell)), tolerant=True)


def read_comma_cents(cell: Cell) -> int | None:
    """Return an amount of a file with decimal commas, such as `1.234,50`. Raises UnreadableCell."""
    if not isinstance(cell, str):
        return read_cents(cell)
    if number_form(cell) == ".":
        raise UnreadableCell("an amount has a decimal point, and others have a comma")
    return read_cents(cell.replace(".", "").replace(",", "."))


def number_form(text: str) -> str:
    """Return the decimal mark of an amount: a point or a comma, `?` if it is unclear, or an empty text."""
    match = _MARKED.search(_BLANKS.sub("", text))
    digits = match[0] if match else ""
    points, commas = digits.count("."), digits.count(",")
    if points and commas:
        return max(".,", key=digits.rfind)
    if points + commas != 1:
        return "," if points else "." if commas else ""
    mark = "." if points else ","
    head, _, tail = digits.partition(mark)
    return "?" if len(tail) == 3 and len(head) <= 3 and head not in {"", "0"} else mark


def _slow_cents(text: str) -> int | None:
    bare = _BLANKS.sub("", text).strip("'\"")
    if not bare or bare == "-":
        return None
    negative = bare.startswith("(") and bare.endswith(")")
    bare = bare.strip("()") if negative else bare
    for word in ("KSHS.", "KSHS", "KSH.", "KSH", "KES"):
        bare = bare.upper().removeprefix(word).removesuffix(word)
    if bare.startswith(("-", "+")):
        negative, bare = negative or bare[0] == "-", bare[1:]
    head, comma, tail = bare.rpartition(",")
    if comma and len(tail) == 2 and "." not in tail and tail.isdecimal():
        bare = f"{head.replace('.', '').replace(',', '')}.{tail}"
    elif comma and len(tail.partition(".")[0]) < 3:
        raise UnreadableCell("an amount is not readable")
    bare = bare.replace(",", "")
    if not _MONEY.fullmatch(bare):
        raise UnreadableCell("an amount is not readable")
    cents = _exact(Decimal(bare))
    return -cents if negative else cents


def _exact(shillings: Decimal, *, tolerant: bool = False) -> int:
    """Return shillings as whole cents. `tolerant` forgives what binary floats of a spreadsheet add."""
    if not shillings.is_finite():
        raise UnreadableCell("an amount is not a number")
    cents = shillings * CENTS
    whole = cents.to_integral_value()
    if cents != whole and not (tolerant and abs(cents - whole) < Decimal("0.0001")):
        raise UnreadableCell("an amount has more than two decimals")
    if abs(whole) >= LARGEST_CENTS:
        raise UnreadableCell("an amount is too large")
    return int(whole)


def read_text(cell: Cell) -> str:
    """Return a cell as a text, without blanks around it. The number 850060.0 is 850060."""
    if cell.__class__ is str:
        return cell.strip()
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def plain_text(text: str) -> str:
    """Return a text without NUL, which PostgreSQL does not store."""
    return text.replace("\0", "")
