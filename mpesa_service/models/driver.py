"""One database connection as the two functions that load and commit payments use it.

They speak to the driver without SQLAlchemy's execution layer, which would cost more than everything else
that a callback needs (docs/decisions/0026). The connections are SQLAlchemy's: its pool, its patience.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Protocol

Values = Mapping[str, Any] | Sequence[Any]


class Driver(Protocol):
    """A connection whose every statement is a transaction of its own, outside of `transaction()`."""

    is_postgres: bool

    def rows(self, sql: str, values: Values) -> list[Sequence[Any]]:
        """Execute a query and return its rows. Raises sqlalchemy.exc.DBAPIError, as all methods do."""

    def execute(self, sql: str, values: Values) -> int:
        """Execute a statement that returns no rows; return the number of rows that it changed."""

    def transaction(self) -> Any:
        """Return a context manager: one transaction around its block. An inner one joins the outer one."""


class PostgresDriver:
    """A psycopg connection."""

    is_postgres = True

    def __init__(
        self, connection: Any, errors: Callable[[Exception], Exception], *, inside: bool = False
    ) -> None:
        self._connection = connection
        self._wrapped = errors
        self._inside = inside  # a transaction that is open already

    def rows(self, sql: str, values: Values) -> list[Sequence[Any]]:
        try:
            found: list[Sequence[Any]] = self._connection.execute(sql, values).fetchall()
        except Exception as error:
            raise self._wrapped(error) from error
        return found

    def execute(self, sql: str, values: Values) -> int:
        try:
            return int(self._connection.execute(sql, values).rowcount)
        except Exception as error:
            raise self._wrapped(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self._inside:
            yield
            return
        self._inside = True
        try:
            with self._connection.transaction():
                yield
        finally:
            self._inside = False


class SqliteDriver:
    """A sqlite3 connection, with SQLAlchemy's text format of times and JSON."""

    is_postgres = False

    def __init__(self, connection: Any, errors: Callable[[Exception], Exception]) -> None:
        self._connection = connection
        self._wrapped = errors

    def rows(self, sql: str, values: Values) -> list[Sequence[Any]]:
        found: list[Sequence[Any]] = self._run(lambda: self._connection.execute(sql, values).fetchall())
        return found

    def execute(self, sql: str, values: Values) -> int:
        return int(self._run(lambda: self._connection.execute(sql, values).rowcount))

    def _run(self, do: Callable[[], Any]) -> Any:
        try:
            return do()
        except Exception as error:
            raise self._wrapped(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self._connection.in_transaction:
            yield
            return
        self.execute("BEGIN IMMEDIATE", ())
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK", ())
            raise
        self.execute("COMMIT", ())


def to_postgres(value: Any) -> Any:
    """Return a value as psycopg takes it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict | list):
        return json.dumps(value)
    return value


def to_sqlite(value: Any) -> Any:
    """Return a value as SQLAlchemy would store it in SQLite."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return to_postgres(value)


def to_json(value: Any) -> Any:
    """Return a value as PostgreSQL reads it from JSON."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


def time_from_postgres(value: Any) -> Any:
    """Return a time that psycopg has read, in UTC."""
    return value if value is None or value.tzinfo is UTC else value.astimezone(UTC)


def time_from_sqlite(value: Any) -> Any:
    """Return a time that SQLAlchemy has stored in SQLite."""
    return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)


def json_from_sqlite(value: Any) -> Any:
    """Return a JSON value that SQLAlchemy has stored in SQLite."""
    return None if value is None else json.loads(value)
