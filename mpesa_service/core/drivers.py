"""Database connections as `load` and `commit` use them, and the queue of SQLite's writers.

They use the driver without SQLAlchemy's execution layer, to save CPU (docs/decisions/0027). The connections
come from SQLAlchemy's pool, with its time-outs.
"""

import json
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from mpesa_service.models.driver import ResultRows, Statement, Values

Translate = Callable[[Exception], Exception]
"""Converts an error of the driver to one of sqlalchemy.exc, and returns any other unchanged."""


class _NothingChanged(Exception):
    """A required statement has changed no row: the transaction is rolled back."""


class _Connection(ABC):
    """The common part of both kinds of connection."""

    is_postgres: bool

    def __init__(self, connection: Any, translate: Translate, *, inside: bool = False) -> None:
        self._connection = connection
        self._translate = translate
        self._inside = inside
        """A transaction is open."""

    def rows(
        self, sql: str, values: Values, times: Sequence[int] = (), documents: Sequence[int] = ()
    ) -> ResultRows:
        try:
            found = [list(row) for row in self._connection.execute(sql, self._adapted(values)).fetchall()]
        except Exception as error:
            raise self._translate(error) from error
        for row in found:
            self._read(row, times, documents)
        return found

    def rows_after(self, first: Statement, sql: str, values: Values) -> ResultRows:
        with self.transaction():
            self._run(first)
            return self.rows(sql, values)

    def execute(self, statements: Sequence[Statement]) -> list[int] | None:
        if len(statements) == 1:
            done = self._run(statements[0])
            return [done] if done or not statements[0].required else None
        try:
            with self.transaction():
                return [self._run_required(statement) for statement in statements]
        except _NothingChanged:
            return None

    def _run_required(self, statement: Statement) -> int:
        count = self._run(statement)
        if statement.required and not count:
            raise _NothingChanged
        return count

    def _run(self, statement: Statement) -> int:
        try:
            return int(self._connection.execute(statement.sql, self._adapted(statement.values)).rowcount)
        except Exception as error:
            raise self._translate(error) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self._inside:
            yield
            return
        self._inside = True
        try:
            with self._open():
                yield
        finally:
            self._inside = False

    @abstractmethod
    def insert_new(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
        """Insert many rows; leave out those that a unique key forbids."""

    @abstractmethod
    def _open(self) -> AbstractContextManager[Any]:
        """Begin a transaction, which ends with the block."""

    @abstractmethod
    def _adapted(self, values: Values) -> Values:
        """Return parameters as the driver takes them."""

    @abstractmethod
    def _read(self, row: list[Any], times: Sequence[int], documents: Sequence[int]) -> None:
        """Convert the times and the JSON documents of a row, in place."""


class PostgresDriver(_Connection):
    """A psycopg connection in autocommit mode, or with `inside`, in a transaction."""

    is_postgres = True

    def rows_after(self, first: Statement, sql: str, values: Values) -> ResultRows:
        # PostgreSQL takes the statements of a pipeline as one transaction, each with its own snapshot.
        try:
            with self._connection.pipeline():
                self._connection.execute(first.sql, self._adapted(first.values))
                cursor = self._connection.execute(sql, self._adapted(values))
            return [list(row) for row in cursor.fetchall()]
        except Exception as error:
            raise self._translate(error) from error

    def insert_new(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
        names, fresh = ", ".join(columns), f"new_{table}"
        try:
            with self._connection.cursor() as cursor:
                # COPY has no ON CONFLICT, so the rows go through a table of this transaction.
                cursor.execute(
                    f"CREATE TEMP TABLE {fresh} ON COMMIT DROP AS SELECT {names} FROM {table} WITH NO DATA"
                )
                with cursor.copy(f"COPY {fresh} ({names}) FROM STDIN") as stream:
                    for row in rows:
                        stream.write_row(row)
                cursor.execute(
                    f"INSERT INTO {table} ({names}) SELECT {names} FROM {fresh} ON CONFLICT DO NOTHING"
                )
                inserted = int(cursor.rowcount)
                cursor.execute(f"DROP TABLE {fresh}")
                return inserted
        except Exception as error:
            raise self._translate(error) from error

    def _open(self) -> Any:
        return self._connection.transaction()

    def _adapted(self, values: Values) -> Values:
        if isinstance(values, Mapping):
            return values
        return [
            value.value if isinstance(value, Enum) else json.dumps(value) if type(value) is dict else value
            for value in values
        ]

    def _read(self, row: list[Any], times: Sequence[int], documents: Sequence[int]) -> None:  # noqa: ARG002
        for place in times:
            if row[place] is not None:
                row[place] = row[place].astimezone(UTC)


class SqliteDriver(_Connection):
    """A sqlite3 connection. Times and JSON have the text format of SQLAlchemy."""

    is_postgres = False

    def insert_new(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> int:
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) ON CONFLICT DO NOTHING"
        try:
            return int(self._connection.executemany(sql, map(self._adapted, rows)).rowcount)
        except Exception as error:
            raise self._translate(error) from error

    @contextmanager
    def _open(self) -> Iterator[None]:
        self._run(Statement("BEGIN IMMEDIATE", ()))
        try:
            yield
        except BaseException:
            self._run(Statement("ROLLBACK", ()))
            raise
        self._run(Statement("COMMIT", ()))

    def _adapted(self, values: Values) -> Values:
        if isinstance(values, Mapping):
            return values
        return [
            value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
            if isinstance(value, datetime)
            else value.value
            if isinstance(value, Enum)
            else json.dumps(value)
            if type(value) is dict
            else value
            for value in values
        ]

    def _read(self, row: list[Any], times: Sequence[int], documents: Sequence[int]) -> None:
        for place in times:
            if row[place] is not None:
                row[place] = datetime.fromisoformat(row[place]).replace(tzinfo=UTC)
        for place in documents:
            if row[place] is not None:
                row[place] = json.loads(row[place])


class LockTimeout(Exception):
    """The lock was not free in time."""


class FairLock:
    """A lock within one process that threads get in the order of arrival.

    SQLite has one writer at a time. Without a queue, a thread that finds the database locked sleeps and tries
    again. Meanwhile threads that arrive later take the lock, so that a few callbacks wait for a second.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def hold(self, timeout: float) -> Iterator[None]:
        """Hold the lock in the block; raise LockTimeout after `timeout` seconds of waiting."""
        self._acquire(timeout)
        try:
            yield
        finally:
            self._release()

    def _acquire(self, timeout: float) -> None:
        waiter = threading.Event()
        with self._guard:
            if not self._held:
                self._held = True
                return
            self._waiting.append(waiter)
        if waiter.wait(timeout):
            return
        with self._guard:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                raise LockTimeout
        # It was handed over at the very end of the wait, so it is held.

    def _release(self) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._held = False
