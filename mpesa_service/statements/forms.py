"""Decides for a whole file how its dates and amounts are written: day or month first, point or comma.

A spreadsheet writes both as its country does. One cell such as `12/1/2026` or `1,500` does not show which, so
the other rows decide, and the period of the file. What stays ambiguous is refused, never guessed.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from mpesa_service.domain.statements import DateOrder, DateOrderReason
from mpesa_service.statements.cells import Cell, Forms, UnreadableCell, number_form, read_text, time_of
from mpesa_service.statements.files import Row, invalid_file
from mpesa_service.statements.shapes import Layout, Recognized, looks_like_receipt

WINDOW = 1_000
"""The first rows decide, unless all of them are ambiguous. A later row that contradicts is not understood."""
CLOCKS_DIFFER_BY = timedelta(days=1)
TWO_ORDERS = "Some dates of the file have the day first, and others the month (line {}). Download it again."
NO_ORDER = (
    "The dates of the file may have the day or the month first, such as in line {}. State which"
    " (`--dates dmy` or `--dates mdy`; `dates` in the API), or state its days (`--from` and `--to`), or"
    " download it again from the portal."
)
OTHER_ORDER = "Line {} of the file shows that its dates have the {} first, and `{}` was stated."
TWO_NUMBERS = (
    "Some amounts of the file have a decimal comma, and others a point (line {}). Download it again."
)
NO_NUMBERS = (
    "The amounts of the file, such as in line {}, may be thousands or have three decimals. Save it with two"
    " decimals, or download it again from the portal."
)
_DATE = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2\d{4}\b.*", re.ASCII)
_OWN = re.compile(r"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d", re.ASCII)
Period = tuple[datetime | None, datetime | None]


LATEST, EARLIEST = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)


@dataclass
class _Reading:
    """The times of a file under one order."""

    month_first: bool
    first: datetime = LATEST
    last: datetime = EARLIEST
    before: datetime | None = None
    rises: bool = False
    falls: bool = False

    def add(self, text: str) -> None:
        try:
            at = time_of(text, month_first=self.month_first)
        except UnreadableCell:
            return
        self.first, self.last = min(self.first, at), max(self.last, at)
        if self.before is not None:
            self.rises, self.falls = self.rises or at > self.before, self.falls or at < self.before
        self.before = at

    def is_within(self, period: Period) -> bool:
        begin, end = period
        return begin is not None and end is not None and begin <= self.first and self.last <= end

    @property
    def is_sorted(self) -> bool:
        return not (self.rises and self.falls)


@dataclass
class _Scan:
    """What the rows show so far. The sets are those of the forms that are certain in a row."""

    period: Period
    stated: DateOrder | None = None
    dates: set[bool] = field(default_factory=set)
    commas: set[bool] = field(default_factory=set)
    unclear_date: int | None = None
    unclear_amount: int | None = None
    own: bool = True
    readings: tuple[_Reading, _Reading] = field(default_factory=lambda: (_Reading(False), _Reading(True)))

    def add(self, row: Row, layout: Layout) -> None:
        number, cells = row
        places = [layout.columns.get(name) for name in ("time", "paid_in", "withdrawn", "balance")]
        time, *amounts = [cells[p] if p is not None and p < len(cells) else None for p in places]
        receipt = layout.columns["receipt"]
        if receipt >= len(cells) or not looks_like_receipt(cells[receipt]):
            return
        self._add_time(number, time)
        if self.dates == {True, False}:
            raise invalid_file(TWO_ORDERS.format(number))
        for cell in amounts:
            form = number_form(cell) if isinstance(cell, str) else ""
            if form == "?":
                self.unclear_amount = self.unclear_amount or number
            elif form:
                self.commas.add(form == ",")
        if self.commas == {True, False}:
            raise invalid_file(TWO_NUMBERS.format(number))

    def _add_time(self, number: int, cell: Cell) -> None:
        text = read_text(cell) if isinstance(cell, str) else ""
        match = _DATE.fullmatch(text)
        if match is None:
            return
        one, other = int(match[1]), int(match[3])
        if one > 12 >= other or other > 12 >= one:
            self._add_certain(number, month_first=other > 12)
        elif one <= 12 and one != other:
            self.unclear_date = self.unclear_date or number
            self.own = self.own and _OWN.fullmatch(text) is not None
        for reading in self.readings:
            reading.add(text)

    def _add_certain(self, number: int, *, month_first: bool) -> None:
        order = DateOrder.MONTH_FIRST if month_first else DateOrder.DAY_FIRST
        if self.stated not in {None, order}:
            raise invalid_file(OTHER_ORDER.format(number, "month" if month_first else "day", self.stated))
        self.dates.add(month_first)

    def _by_period(self) -> bool | None:
        fits = [reading.is_within(self.period) for reading in self.readings]
        return fits[1] if fits[0] != fits[1] else None

    @property
    def is_clear(self) -> bool:
        dates = self.stated or self.dates or self.unclear_date is None or self._by_period() is not None
        return bool(dates) and bool(self.commas or self.unclear_amount is None)

    def forms(self, now: datetime) -> Forms:
        if not self.commas and self.unclear_amount is not None:
            raise invalid_file(NO_NUMBERS.format(self.unclear_amount))
        month_first, reason = self._month_first(now)
        return Forms(month_first, decimal_comma=True in self.commas, reason=reason)

    def _month_first(self, now: datetime) -> tuple[bool | None, DateOrderReason | None]:
        if self.stated is not None:
            return self.stated is DateOrder.MONTH_FIRST, DateOrderReason.STATED
        if self.dates:
            return next(iter(self.dates)), DateOrderReason.ROW
        if self.unclear_date is None:
            return None, None
        if (found := self._by_period()) is not None:
            return found, DateOrderReason.PERIOD
        past = [reading.last <= now + CLOCKS_DIFFER_BY for reading in self.readings]
        if past[0] != past[1]:
            return past[1], DateOrderReason.FUTURE
        in_order = [reading.is_sorted for reading in self.readings]
        if in_order[0] != in_order[1]:
            return in_order[1], DateOrderReason.SORTED
        if self.own:  # a spreadsheet of month-first countries writes slashes
            return False, DateOrderReason.SPELLING
        raise invalid_file(NO_ORDER.format(self.unclear_date))


def forms_of(
    recognized: Recognized,
    rows: Iterable[Row],
    period: Period,
    now: datetime,
    stated: DateOrder | None = None,
    further: Callable[[], Iterator[Row]] = lambda: iter(()),
) -> Forms:
    """Return the forms of a file. `stated` is the order of its dates, if the user states it.

    `rows` are its first rows, and `further` returns the others: they are read only if all of `rows` are
    ambiguous. Raises InvalidRequest if they stay ambiguous, or contradict each other or the user.
    """
    scan = _Scan((None, None) if recognized.slashed_period else period, stated)
    for row in rows:
        scan.add(row, recognized.layout)
    if not scan.is_clear:
        _read_on(scan, further(), recognized.layout)
    return scan.forms(now)


def _read_on(scan: _Scan, rows: Iterator[Row], layout: Layout) -> None:
    for row in rows:
        scan.add(row, layout)
        if scan.is_clear:
            return
