"""A psycopg cursor that describes the columns of a statement once, not for every execution.

SQLAlchemy asks for the description of every result, and looks into it only when it meets a statement for the
first time. psycopg makes it anew each time: for a payment's columns that takes as long as fetching the row.
"""

from typing import Any, Self

import psycopg
from psycopg import Column

KEPT = 2_000
"""Statements; SQLAlchemy itself remembers fewer."""
_descriptions: dict[Any, list[Column]] = {}


class DescribedCursor(psycopg.Cursor[Any]):
    """A cursor for statements whose columns their text decides."""

    _text: Any = None

    def execute(self, query: Any, *args: Any, **options: Any) -> Self:
        """Execute a statement, and remember its text."""
        self._text = query
        return super().execute(query, *args, **options)

    @property
    def description(self) -> list[Column] | None:
        """Return the columns of the result, as PEP 249 wants them; None where there is none."""
        result = self.pgresult
        if result is None or not result.nfields:
            return super().description
        known = _descriptions.get(self._text)
        if known is None or len(known) != result.nfields:
            known = super().description or []
            if len(_descriptions) >= KEPT:
                _descriptions.clear()
            _descriptions[self._text] = known
        return known
