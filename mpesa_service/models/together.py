"""Rows that a transaction writes and does not look at again: past the session, which would keep them.

It would account for them at three times the cost. They can also be kept back, to be written with others.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from sqlalchemy import CTE, Connection, FromClause, Insert, insert, select
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from mpesa_service.models.base import Base
from mpesa_service.models.statements import by_column, table_of

_WAITING = "kept_back"
"""Key in a session's `info`: the list of what is not written yet."""


class Writing(Protocol):
    """What is written, less its values: hashable, since the statements made of it are kept."""

    def types(self) -> Mapping[str, TypeEngine[Any]]:
        """Return the types of its values, by their names."""

    def parts(self, prefix: str, source: FromClause) -> list[CTE | Insert]:
        """Return its inserts in their order, for each row of `source`, whose names have the prefix."""

    def write(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Execute its inserts one by one."""


Waiting = list[tuple[Writing, Mapping[str, Any]]]


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    table: type[Base]
    columns: tuple[str, ...]

    def types(self) -> Mapping[str, TypeEngine[Any]]:
        """Return the types of its columns."""
        return {name: table_of(self.table).c[name].type for name in self.columns}

    def parts(self, prefix: str, source: FromClause) -> list[CTE | Insert]:
        """Return the one insert."""
        return [self.insert_from(prefix, source)]

    def insert_from(self, prefix: str, source: FromClause) -> Insert:
        """Return the insert of a row for each row of `source`."""
        values = select(*(source.c[f"{prefix}{name}"] for name in self.columns))
        return insert(table_of(self.table)).from_select(self.columns, values, include_defaults=False)

    def write(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Execute the insert."""
        connection.execute(_insert_into(self.table), values)


def append(session: Session, table: type[Base], values: Mapping[str, Any]) -> None:
    """Insert a row that this transaction does not look at again, by its attributes' names."""
    write(session, *row_of(table, values))


def row_of(table: type[Base], values: Mapping[str, Any]) -> tuple[Row, dict[str, Any]]:
    """Return a row to be written, by its attributes' names.

    NULL is not said where it is what comes of saying nothing: it costs as much as anything else.
    """
    said = {name: value for name, value in values.items() if value is not None}
    row = by_column(table, said)
    return Row(table, tuple(row)), row


def write(session: Session, what: Writing, values: Mapping[str, Any]) -> None:
    """Write now, after what is new in the session; where it is kept back, later."""
    waiting: Waiting | None = session.info.get(_WAITING)
    if waiting is not None:
        waiting.append((what, values))
        return
    if session.new:
        session.flush()
    what.write(session.connection(), values)


@contextmanager
def held_back(session: Session) -> Iterator[Waiting]:
    """Yield what is written in the block instead of writing it."""
    waiting: Waiting = []
    session.info[_WAITING] = waiting
    try:
        yield waiting
    finally:
        del session.info[_WAITING]


def are_apart(waiting: Waiting) -> bool:
    """Tell whether no two are rows of one table, which have to be written one after the other."""
    kinds = [what.table if isinstance(what, Row) else type(what) for what, _ in waiting]
    return len(set(kinds)) == len(kinds)


@cache
def _insert_into(table: type[Base]) -> Insert:
    return insert(table_of(table)).inline()
