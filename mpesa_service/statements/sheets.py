"""The sheets of a workbook: those of the same shape are one statement, in their order.

An xls file holds 65,536 rows a sheet, so long statements are split. A sheet that is not understood is not
dropped: it is named, with the number of its rows, and the statement proves nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice

from mpesa_service.statements.cells import read_text
from mpesa_service.statements.files import Row
from mpesa_service.statements.heading import Heading, heading_of
from mpesa_service.statements.shapes import HEADER_ROWS, Recognized, looks_like_line, with_columns

NAME_SHOWN = 31
"""The longest name that Excel gives a sheet."""
NO_STATEMENT = "it has no columns of a statement"
OTHER_COLUMNS = "its columns are not those of the sheet before"
OTHER_HEADING = "it states another {}"


@dataclass(frozen=True)
class UnreadSheet:
    """A sheet that has rows and was not read, and why."""

    name: str
    rows: int
    reason: str


@dataclass
class _Reader:
    """Yields the rows of all sheets of a statement. Those of a further sheet are counted on."""

    recognized: Recognized
    unread: list[UnreadSheet] = field(default_factory=list)

    def rows(self) -> Iterator[Row]:
        for name, rows in self.recognized.before:
            self._leave(name, rows, NO_STATEMENT)
        last = 0
        for row in self.recognized.rows:
            last = row[0]
            yield row
        for name, rows in self.recognized.further:
            head = list(islice(rows, HEADER_ROWS))
            data, reason = self._judge(head)
            if reason is not None:
                self._leave(name, chain(head, rows), reason)
                continue
            begin = last
            for number, cells in chain(data, rows):
                last = begin + number
                yield last, cells

    def _judge(self, head: Sequence[Row]) -> tuple[Sequence[Row], str | None]:
        """Return the first data rows of a sheet, and why it is not of this statement, or None."""
        layout = self.recognized.layout
        found = with_columns(head, self.recognized.file.name)
        if found is None:
            filled = (cells for _, cells in head if any(map(read_text, cells)))
            goes_on = looks_like_line(next(filled, ()), layout)
            return head, None if goes_on else NO_STATEMENT
        if (found.layout.shape, found.layout.columns) != (layout.shape, layout.columns):
            return (), OTHER_COLUMNS
        return found.data, _other(heading_of(found.labels), self.recognized.heading)

    def _leave(self, name: str, rows: Iterator[Row], reason: str) -> None:
        count = sum(1 for _, cells in rows if any(map(read_text, cells)))
        if count:
            self.unread.append(UnreadSheet(name[:NAME_SHOWN], count, reason))


def _other(heading: Heading, first: Heading) -> str | None:
    """Return what a sheet states otherwise than the first one, such as another account; None if nothing."""
    for name, stated in vars(heading).items():
        if stated is not None and stated != getattr(first, name):
            return OTHER_HEADING.format(name.removesuffix("_cents").replace("_", " "))
    return None


def joined(recognized: Recognized) -> tuple[Recognized, Sequence[UnreadSheet]]:
    """Return a statement with the rows of all its sheets, and the sheets that were not read.

    The sheets are known when the last row is read.
    """
    reader = _Reader(recognized)
    return replace(recognized, rows=reader.rows()), reader.unread
