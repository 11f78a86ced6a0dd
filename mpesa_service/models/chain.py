"""Rows of which each is written only if the one before it was: one trip to PostgreSQL for all of them.

What decides comes first: a key that must be free, a row that must still be as it was read. So nothing has to
be locked or looked up beforehand. Locks are taken in the order of the rows, however they are written.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from sqlalchemy import (
    CTE,
    ColumnElement,
    Insert,
    Integer,
    Select,
    Update,
    bindparam,
    exists,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from mpesa_service.models.base import Base
from mpesa_service.models.statements import table_of

Statement = Insert | Update
WAS = "was_"
WRITTEN: ColumnElement[int] = literal_column("1", Integer).label("told")


class Link(Protocol):
    """What is written, less its values: hashable, since the statements made of it are kept."""

    def statement(self, prefix: str, after: CTE | None, dialect: str) -> Statement:
        """Return its statement, to be executed if `after` has a row; it returns one column named `told`.

        Its parameters are its values' names after `prefix`.
        """


@dataclass(frozen=True)
class Inserted:
    """A new row of a table; where `once` is set, unless a unique key forbids it."""

    table: type[Base]
    columns: tuple[str, ...]
    once: bool = False

    def statement(self, prefix: str, after: CTE | None, dialect: str) -> Statement:
        """Return the insert."""
        insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
        made, values = insert(table_of(self.table)), self.values(prefix)
        if self.once:
            made = made.on_conflict_do_nothing()
        if after is None:
            return made.values(values).returning(self.told())
        row = select(*values.values()).select_from(after)
        return made.from_select([*values], row, include_defaults=False).returning(self.told())

    def values(self, prefix: str) -> dict[str, ColumnElement[Any]]:
        """Return what is inserted, by the columns' names."""
        return {name: _parameter(self.table, name, prefix + name) for name in self.columns}

    def told(self) -> ColumnElement[Any]:
        """Return what is told of the new row."""
        return WRITTEN


@dataclass(frozen=True)
class Changed:
    """New values in the row that has certain values (named after `was_`), and NULL in the column `unset`."""

    table: type[Base]
    columns: tuple[str, ...]
    where: tuple[str, ...]
    unset: str | None = None

    def statement(self, prefix: str, after: CTE | None, dialect: str) -> Statement:  # noqa: ARG002
        """Return the update."""
        columns = table_of(self.table).c
        terms: list[ColumnElement[bool]] = [
            columns[name] == _parameter(self.table, name, f"{prefix}{WAS}{name}") for name in self.where
        ]
        if self.unset is not None:
            terms.append(columns[self.unset].is_(None))
        if after is not None:
            terms.append(exists(select(after.c.told)))
        values = {name: _parameter(self.table, name, prefix + name) for name in self.columns}
        return update(table_of(self.table)).where(*terms).values(values).returning(WRITTEN)


Links = Sequence[tuple[Link, Mapping[str, Any]]]
"""A chain: what is written, and its values."""


def was(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values under the names by which a Changed finds its row."""
    return {f"{WAS}{name}": value for name, value in values.items()}


def write_in_chain(session: Session, links: Links) -> tuple[Any, ...] | None:
    """Write one row after the other; return what is told of each, or None as soon as one is not written.

    Those before it are written then, until the transaction is rolled back.
    """
    connection, whats = session.connection(), tuple(what for what, _ in links)
    values = {_prefix(i) + name: value for i, (_, row) in enumerate(links) for name, value in row.items()}
    if connection.dialect.name == "postgresql":
        row = connection.execute(_in_one(whats), values).first()
        return None if row is None else tuple(row)
    told = []
    for statement in _one_by_one(whats, connection.dialect.name):
        row = connection.execute(statement, values).first()
        if row is None:
            return None
        told.append(row.told)
    return tuple(told)


@cache
def _in_one(whats: tuple[Link, ...]) -> Select[Any]:
    """Return a query of which all are part: it has a row if the last is written, and so all."""
    parts: list[CTE] = []
    for i, what in enumerate(whats):
        statement = what.statement(_prefix(i), parts[-1] if parts else None, "postgresql")
        parts.append(statement.cte(f"link_{i}"))
    *others, last = parts
    return select(*(select(part.c.told).scalar_subquery() for part in others), last.c.told)


@cache
def _one_by_one(whats: tuple[Link, ...], dialect: str) -> list[Statement]:
    return [what.statement(_prefix(i), None, dialect) for i, what in enumerate(whats)]


def _parameter(table: type[Base], column: str, name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=table_of(table).c[column].type)


def _prefix(number: int) -> str:
    return f"w{number}_"
