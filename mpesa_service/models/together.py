"""Rows that a transaction writes and does not look at again: past the session, and at once if possible.

The session would keep such rows and account for them at three times the cost. Within `together` they wait for
the end of the block, and PostgreSQL is then given all of them in one statement: one trip instead of five.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, cast

from sqlalchemy import CTE, Connection, Insert, bindparam, insert
from sqlalchemy.orm import Session

from mpesa_service.models.base import Base
from mpesa_service.models.statements import by_column, table_of

_WAITING = "written_together"
"""Key in a session's `info`: what waits for the end of the block."""


class Writing(Protocol):
    """What is written, less its values: hashable, since the statements made of it are kept."""

    def parts(self, prefix: str) -> list[CTE | Insert]:
        """Return its inserts in their order; their parameters are its values' names after `prefix`."""

    def write(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Execute its inserts one by one."""


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    table: type[Base]
    columns: tuple[str, ...]

    def parts(self, prefix: str) -> list[CTE | Insert]:
        """Return the one insert."""
        types = {name: table_of(self.table).c[name].type for name in self.columns}
        named = {name: bindparam(f"{prefix}{name}", type_=kind) for name, kind in types.items()}
        return [insert(table_of(self.table)).values(named).inline()]

    def write(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Execute the insert."""
        connection.execute(_insert_into(self.table), values)


def append(session: Session, table: type[Base], values: Mapping[str, Any]) -> None:
    """Insert a row that this transaction does not look at again, by its attributes' names."""
    row = by_column(table, values)
    write(session, Row(table, tuple(row)), row)


def write(session: Session, what: Writing, values: Mapping[str, Any]) -> None:
    """Write now, after what is new in the session; within `together`, at the end of the block."""
    waiting = session.info.get(_WAITING)
    if waiting is not None:
        waiting.append((what, values))
        return
    if session.new:
        session.flush()
    what.write(session.connection(), values)


@contextmanager
def held_back(session: Session) -> Iterator[list[tuple[Writing, Mapping[str, Any]]]]:
    """Yield what is written in the block instead of writing it."""
    waiting: list[tuple[Writing, Mapping[str, Any]]] = []
    session.info[_WAITING] = waiting
    try:
        yield waiting
    finally:
        del session.info[_WAITING]


@contextmanager
def together(session: Session) -> Iterator[None]:
    """Hold back what is written in the block, which must not look for it, nor use savepoints."""
    with held_back(session) as waiting:
        yield
    session.flush()
    connection, whats = session.connection(), tuple(what for what, _ in waiting)
    if connection.dialect.name == "postgresql" and 1 < len(whats) == len(set(map(type_of, whats))):
        parameters = {_prefix(i) + name: v for i, (_, row) in enumerate(waiting) for name, v in row.items()}
        connection.execute(_at_once(whats), parameters)
    else:
        for what, values in waiting:
            what.write(connection, values)


def type_of(what: Writing) -> Any:
    """Return what tells the tables apart: two rows of one table are written one after the other."""
    return what.table if isinstance(what, Row) else type(what)


@cache
def _insert_into(table: type[Base]) -> Insert:
    return insert(table_of(table)).inline()


@cache
def _at_once(whats: Sequence[Writing]) -> Insert:
    """Return all inserts as one statement: the last one, with the others before it."""
    parts = [part for i, what in enumerate(whats) for part in what.parts(_prefix(i))]
    last = cast("Insert", parts.pop())
    others = (part if isinstance(part, CTE) else part.cte(f"part_{i}") for i, part in enumerate(parts))
    return last.add_cte(*others)


def _prefix(number: int) -> str:
    return f"w{number}_"
