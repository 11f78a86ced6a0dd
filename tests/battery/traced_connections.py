"""Connections of psycopg and sqlite3 that report all that they do, by any caller.

The service changes money on driver connections, where SQLAlchemy's events see nothing.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Self

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import event

from mpesa_service.core.database import Database

Around = Callable[[str], AbstractContextManager[None]]
"""Takes the name of what happens in the block."""

READS = re.compile(r"\b(?:FROM|TABLE|COPY)\s+(\w+)", re.IGNORECASE)
WRITES = re.compile(r"\b(INSERT INTO|UPDATE|DELETE FROM)\s+(?!SET\b|OF\b|SKIP\b)(\w+)", re.IGNORECASE)


def statement_name(statement: object) -> str:
    """Return all that the statement writes, else what it reads first, else its first words."""
    text = str(statement)
    words = text.split()
    if written := WRITES.findall(text):
        return ", ".join(dict.fromkeys(f"{verb.split()[0].upper()} {table}" for verb, table in written))
    if read := READS.search(text):
        return f"{words[0]} {read[1]}"
    return " ".join(words[:3])


def _unseen(_name: str) -> AbstractContextManager[None]:
    return nullcontext()


class PostgresCursor(psycopg.Cursor[Any]):
    """A cursor of `PostgresConnection`."""

    def execute(self, query: Any, *arguments: Any, **options: Any) -> Self:
        with self._around(query):
            return super().execute(query, *arguments, **options)

    def executemany(self, query: Any, *arguments: Any, **options: Any) -> None:
        with self._around(query):
            super().executemany(query, *arguments, **options)

    def stream(self, query: Any, *arguments: Any, **options: Any) -> Iterator[Any]:
        with self._around(query):
            yield from super().stream(query, *arguments, **options)

    @contextmanager
    def copy(self, statement: Any, *arguments: Any, **options: Any) -> Iterator[psycopg.Copy]:
        """Copy rows. They reach the database by the end of the block."""
        with self._around(statement), super().copy(statement, *arguments, **options) as copy:
            yield copy

    def _around(self, statement: object) -> AbstractContextManager[None]:
        connection: Any = self.connection
        around: Around = connection.around
        return around(statement_name(statement))


class PostgresConnection(psycopg.Connection[Any]):
    """A connection of psycopg. Its cursors are PostgresCursor."""

    around: Around = staticmethod(_unseen)

    def commit(self) -> None:
        with self._around_end("COMMIT"):
            super().commit()

    def rollback(self) -> None:
        with self._around_end("ROLLBACK"):
            super().rollback()

    @contextmanager
    def transaction(self, *arguments: Any, **options: Any) -> Iterator[psycopg.Transaction]:
        block = super().transaction(*arguments, **options)
        with self.around("BEGIN"):
            transaction = block.__enter__()
        try:
            yield transaction
        except BaseException as error:
            with self.around("ROLLBACK"):
                ignored = block.__exit__(type(error), error, error.__traceback__)
            if not ignored:
                raise
        else:
            with self.around("COMMIT"):
                block.__exit__(None, None, None)

    @contextmanager
    def pipeline(self) -> Iterator[psycopg.Pipeline]:
        """Open a pipeline. Its statements have reached the database, and are committed, at its end."""
        block = super().pipeline()
        pipeline = block.__enter__()
        try:
            yield pipeline
        except BaseException as error:
            if not block.__exit__(type(error), error, error.__traceback__):
                raise
        else:
            with self.around("the pipeline's end"):
                block.__exit__(None, None, None)

    def _around_end(self, name: str) -> AbstractContextManager[None]:
        """Return no block if no transaction is open: psycopg sends nothing then."""
        idle = self.info.transaction_status == TransactionStatus.IDLE
        return nullcontext() if idle else self.around(name)


class SqliteCursor(sqlite3.Cursor):
    """A cursor of `SqliteConnection`."""

    def execute(self, sql: str, *arguments: Any) -> Self:
        with self._around(sql):
            super().execute(sql, *arguments)
            return self

    def executemany(self, sql: str, *arguments: Any) -> Self:
        with self._around(sql):
            super().executemany(sql, *arguments)
            return self

    def executescript(self, script: str) -> Self:
        with self._around(script):
            super().executescript(script)
            return self

    def _around(self, statement: str) -> AbstractContextManager[None]:
        connection: Any = self.connection
        around: Around = connection.around
        return around(statement_name(statement))


class SqliteConnection(sqlite3.Connection):
    """A connection of sqlite3. Its cursors are SqliteCursor."""

    around: Around = staticmethod(_unseen)

    def cursor(self, factory: Any = SqliteCursor) -> Any:
        return super().cursor(factory)

    # sqlite3's own three methods make their cursor without a call of `cursor`.
    def execute(self, sql: str, *arguments: Any) -> Any:
        return self.cursor().execute(sql, *arguments)

    def executemany(self, sql: str, *arguments: Any) -> Any:
        return self.cursor().executemany(sql, *arguments)

    def executescript(self, script: str) -> Any:
        return self.cursor().executescript(script)

    def commit(self) -> None:
        with self._around_end("COMMIT"):
            super().commit()

    def rollback(self) -> None:
        with self._around_end("ROLLBACK"):
            super().rollback()

    def _around_end(self, name: str) -> AbstractContextManager[None]:
        """Return no block if no transaction is open: sqlite3 does nothing then."""
        return self.around(name) if self.in_transaction else nullcontext()


def trace(database: Database, around: Around) -> None:
    """Call `around` for all that the connections do which the database opens from now on."""

    @event.listens_for(database.engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        connection: Any
        if database.is_sqlite:
            connection = sqlite3.connect(*arguments, factory=SqliteConnection, **options)
        else:
            connection = PostgresConnection.connect(*arguments, cursor_factory=PostgresCursor, **options)
        connection.around = around
        return connection
