"""Rows that a transaction writes and does not look at again: past the session, and at once if possible.

The session would keep such rows and account for them at three times the cost. They can be kept back, and
PostgreSQL is then given all of them in one statement: one trip instead of five.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, cast

from sqlalchemy import CTE, Connection, Insert, bindparam, insert, select
from sqlalchemy.orm import Session

from mpesa_service.models.base import Base
from mpesa_service.models.statements import by_column, table_of

_WAITING = "written_together"
"""Key in a session's `info`: what waits for the end of the block."""


class Writing(Protocol):
    """What is written, less its values: hashable, since the statements made of it are kept."""

    def parts(self, prefix: str, guard: CTE | None) -> list[CTE | Insert]:
        """Return its inserts in their order; their parameters are its values' names after `prefix`.

        With a guard they insert for each of its rows, so nothing if it has none.
        """

    def write(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Execute its inserts one by one."""


Waiting = list[tuple[Writing, Mapping[str, Any]]]


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    table: type[Base]
    columns: tuple[str, ...]

    def parts(self, prefix: str, guard: CTE | None) -> list[CTE | Insert]:
        """Return the one insert."""
        return [insert_of(self.table, self.columns, prefix, guard)]

    def write(self, connection: Connection, values: Mapping[str, Any]) -> None:
        """Execute the insert."""
        connection.execute(_insert_into(self.table), values)


def insert_of(table: type[Base], columns: Sequence[str], prefix: str, guard: CTE | None) -> Insert:
    """Return the insert of one row, or of one for each row of the guard."""
    types = {name: table_of(table).c[name].type for name in columns}
    named = {name: bindparam(f"{prefix}{name}", type_=kind) for name, kind in types.items()}
    into = insert(table_of(table))
    if guard is None:
        return into.values(named).inline()
    return into.from_select(list(named), select(*named.values()).select_from(guard), include_defaults=False)


def append(session: Session, table: type[Base], values: Mapping[str, Any]) -> None:
    """Insert a row that this transaction does not look at again, by its attributes' names."""
    write(session, *row_of(table, values))


def append_all(connection: Connection, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows by their attributes' names; all or none."""
    said = [row_of(table, values)[1] for values in rows]
    connection.execute(_insert_into(table), said if len(said) > 1 else said[0])


def row_of(table: type[Base], values: Mapping[str, Any]) -> tuple[Row, dict[str, Any]]:
    """Return a row to be written, by its attributes' names.

    NULL is not said where it is what comes of saying nothing: the driver forgets long statements.
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


def keep_back(session: Session) -> Waiting:
    """Keep back what is written from now on, and return the list that it goes to."""
    waiting: Waiting = []
    session.info[_WAITING] = waiting
    return waiting


@contextmanager
def together(session: Session) -> Iterator[None]:
    """Keep back what is written in the block, which must not look for it, nor use savepoints."""
    waiting = keep_back(session)
    try:
        yield
    finally:
        del session.info[_WAITING]
    session.flush()
    connection = session.connection()
    if connection.dialect.name == "postgresql" and len(waiting) > 1 and are_apart(waiting):
        all_at_once(connection, waiting)
    else:
        for what, values in waiting:
            what.write(connection, values)


def are_apart(waiting: Waiting) -> bool:
    """Tell whether no two are rows of one table, which have to be written one after the other."""
    kinds = [what.table if isinstance(what, Row) else type(what) for what, _ in waiting]
    return len(set(kinds)) == len(kinds)


def all_at_once(
    connection: Connection,
    waiting: Waiting,
    guard: CTE | None = None,
    guard_values: Mapping[str, Any] | None = None,
) -> int:
    """Write all in one statement; return how many rows the last one of them inserted."""
    parameters = {_prefix(i) + name: v for i, (_, row) in enumerate(waiting) for name, v in row.items()}
    statement = _at_once(tuple(what for what, _ in waiting), guard)
    return connection.execute(statement, {**(guard_values or {}), **parameters}).rowcount


@cache
def _insert_into(table: type[Base]) -> Insert:
    return insert(table_of(table)).inline()


@cache
def _at_once(whats: Sequence[Writing], guard: CTE | None) -> Insert:
    """Return all inserts as one statement: the last one, with the others before it."""
    parts = [part for i, what in enumerate(whats) for part in what.parts(_prefix(i), guard)]
    last = cast("Insert", parts.pop())
    others = (part if isinstance(part, CTE) else part.cte(f"part_{i}") for i, part in enumerate(parts))
    first = () if guard is None else (guard,)
    return last.add_cte(*first, *others).execution_options(preserve_rowcount=True)


def _prefix(number: int) -> str:
    return f"w{number}_"
