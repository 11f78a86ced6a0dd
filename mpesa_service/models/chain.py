"""Rows of which each is written only if the one before it was: one trip to PostgreSQL for all of them.

What decides comes first: a key that must be free, a row that must still be as it was read. So nothing has to
be locked or looked up beforehand. Locks are taken in the order of the rows, however they are written.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
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

from mpesa_service.models.base import Base
from mpesa_service.models.statements import table_of

Statement = Insert | Update | Select[Any]
WAS = "was_"
WRITTEN: ColumnElement[int] = literal_column("1", Integer).label("told")


class Link(Protocol):
    """What is written, less its values: hashable, since the statements made of it are kept."""

    def statement(self, prefix: str, after: CTE | None, dialect: str) -> Statement:
        """Return its statement, to be executed if `after` has a row; it returns one column named `told`.

        Its parameters are its values' names after `prefix`.
        """


@dataclass(frozen=True)
class Missing:
    """No row of a table with certain values (named after `was_`); nothing is written."""

    table: type[Base]
    where: tuple[str, ...]

    def statement(self, prefix: str, after: CTE | None, dialect: str) -> Statement:  # noqa: ARG002
        """Return a query that has a row if there is none."""
        absent = ~exists().where(*_as_it_was(self.table, self.where, prefix))
        return select(WRITTEN).where(absent, *_if_written(after))


@dataclass(frozen=True)
class Inserted:
    """A new row of a table; where `once` is set, unless a unique key forbids it."""

    table: type[Base]
    columns: tuple[str, ...]
    once: bool = False

    def statement(self, prefix: str, after: CTE | None, dialect: str) -> Statement:
        """Return the insert."""
        insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
        made = insert(table_of(self.table))
        values = {name: _parameter(self.table, name, prefix + name) for name in self.columns}
        if self.once:
            made = made.on_conflict_do_nothing()
        if after is None:
            return made.values(values).returning(WRITTEN)
        row = select(*values.values()).select_from(after)
        return made.from_select([*values], row, include_defaults=False).returning(WRITTEN)


@dataclass(frozen=True)
class Changed:
    """New values in the row that has certain values (named after `was_`), and NULL in the column `unset`."""

    table: type[Base]
    columns: tuple[str, ...]
    where: tuple[str, ...]
    unset: str | None = None

    def statement(self, prefix: str, after: CTE | None, dialect: str) -> Statement:  # noqa: ARG002
        """Return the update."""
        terms = [*_as_it_was(self.table, self.where, prefix), *_if_written(after)]
        if self.unset is not None:
            terms.append(table_of(self.table).c[self.unset].is_(None))
        values = {name: _parameter(self.table, name, prefix + name) for name in self.columns}
        return update(table_of(self.table)).where(*terms).values(values).returning(WRITTEN)


Links = Sequence[tuple[Link, Mapping[str, Any]]]
"""A chain: what is written, and its values."""


def was(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values under the names by which a Changed finds its row."""
    return {f"{WAS}{name}": value for name, value in values.items()}


def write_in_chain(connection: Connection, links: Links) -> bool:
    """Write one row after the other; tell whether all are written.

    Else those before the first that is not are, until the transaction is rolled back.
    """
    whats = tuple(what for what, _ in links)
    values: dict[str, Any] = {}
    for i, (_, row) in enumerate(links):
        prefix = _prefix(i)
        values.update((prefix + name, value) for name, value in row.items())
    if connection.dialect.name == "postgresql":
        return connection.execute(_in_one(whats), values).first() is not None
    statements = _one_by_one(whats, connection.dialect.name)
    return all(connection.execute(statement, values).first() is not None for statement in statements)


@cache
def _in_one(whats: tuple[Link, ...]) -> Select[Any]:
    """Return a query of which all are part: it has a row if the last is written, and so all."""
    parts: list[CTE] = []
    for i, what in enumerate(whats):
        statement = what.statement(_prefix(i), parts[-1] if parts else None, "postgresql")
        parts.append(statement.cte(f"link_{i}"))
    return select(parts[-1].c.told)


@cache
def _one_by_one(whats: tuple[Link, ...], dialect: str) -> list[Statement]:
    return [what.statement(_prefix(i), None, dialect) for i, what in enumerate(whats)]


def _as_it_was(table: type[Base], names: Iterable[str], prefix: str) -> list[ColumnElement[bool]]:
    columns = table_of(table).c
    return [columns[name] == _parameter(table, name, f"{prefix}{WAS}{name}") for name in names]


def _if_written(after: CTE | None) -> list[ColumnElement[bool]]:
    return [] if after is None else [exists(select(after.c.told))]


def _parameter(table: type[Base], column: str, name: str) -> ColumnElement[Any]:
    return bindparam(name, type_=table_of(table).c[column].type)


def _prefix(number: int) -> str:
    return f"w{number}_"
