"""What `load` and `commit` need of a database connection. `core/drivers.py` has the two implementations."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

Values = Mapping[str, Any] | Sequence[Any]
Rows = list[list[Any]]


@dataclass(frozen=True)
class Statement:
    """A statement that returns no rows. If it is `required`, it must change at least one row."""

    sql: str
    values: Sequence[Any]
    required: bool = True


class Driver(Protocol):
    """A connection whose every statement is a transaction of its own, outside of `transaction()`.

    Values are plain Python: aware datetimes, dicts for JSON, bytes, enums. Every method raises
    sqlalchemy.exc.DBAPIError.
    """

    is_postgres: bool

    def rows(
        self, sql: str, values: Values, times: Sequence[int] = (), documents: Sequence[int] = ()
    ) -> Rows:
        """Execute a query; return its rows, with the times (UTC) and JSON documents at these places read."""

    def execute(self, statements: Sequence[Statement]) -> list[int] | None:
        """Execute statements in one transaction; return how many rows each has changed.

        None if a required one has changed no row. Then nothing is written; in a transaction that was open
        before, its owner has to roll back.
        """

    def transaction(self) -> AbstractContextManager[None]:
        """Open a transaction around a block, which is rolled back if the block raises."""
