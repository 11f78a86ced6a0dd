"""The database connection that `load` and `commit` need. `core/drivers.py` has the two implementations."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

Values = Mapping[str, Any] | Sequence[Any]
ResultRows = list[list[Any]]


@dataclass(frozen=True)
class Statement:
    """A statement that returns no rows. If it is `required`, it must change at least one row."""

    sql: str
    values: Sequence[Any]
    required: bool = True


class Driver(Protocol):
    """A connection on which every statement is its own transaction, outside of `transaction()`.

    Values are plain Python: aware datetimes, dicts for JSON, bytes, enums. Every method raises
    sqlalchemy.exc.DBAPIError.
    """

    is_postgres: bool

    def rows(
        self, sql: str, values: Values, times: Sequence[int] = (), documents: Sequence[int] = ()
    ) -> ResultRows:
        """Execute a query; return its rows, with times (UTC) and JSON converted at these places."""

    def rows_after(self, first: Statement, sql: str, values: Values) -> ResultRows:
        """Execute a statement and then a query, in one transaction; return the rows of the query.

        The query sees everything that was committed before `first` ended. On PostgreSQL, both are one round
        trip.
        """

    def execute(self, statements: Sequence[Statement]) -> list[int] | None:
        """Execute statements in one transaction; return the number of rows that each one changed.

        Return None if a required statement changed no row. Then nothing is written; if the transaction was
        already open, its owner must roll back.
        """

    def insert_new(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
        """Insert many rows at once, inside of `transaction()`; return the number of rows inserted.

        Rows that a unique key forbids are left out. PostgreSQL receives them with COPY.
        """

    def transaction(self) -> AbstractContextManager[None]:
        """Open a transaction around a block. It is rolled back if the block raises."""
