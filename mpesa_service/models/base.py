"""The base of all tables: names of constraints, and times that are always UTC."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Dialect, Index, Integer, MetaData, text
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime. SQLite stores no time zone, so UTC is added when a value is read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone is not stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        return _in_utc(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Return the function that converts the driver's values; None if they are aware datetimes."""
        return _in_utc if dialect.name == "postgresql" else super().result_processor(dialect, coltype)


def _in_utc(value: datetime | None) -> datetime | None:
    if value is None or value.tzinfo is UTC:
        return value
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


RowId = BigInteger().with_variant(Integer, "sqlite")
"""SQLite numbers rows by itself only in a column of type INTEGER."""


def one_of(column: str, words: Iterable[StrEnum]) -> str:
    """Return the text of a CHECK that `column` contains one of the words."""
    return f"{column} IN ({', '.join(repr(word.value) for word in words)})"


def partial_index(name: str, *columns: str, where: str) -> Index:
    """Return an index of the rows that match the SQL condition `where`."""
    return Index(name, *columns, postgresql_where=text(where), sqlite_where=text(where))


def due_index(table: str) -> Index:
    """Return the index by which a job finds the rows that are due."""
    return partial_index(f"ix_{table}_next_check", "next_check_at", where="next_check_at IS NOT NULL")


def review_index(table: str) -> Index:
    """Return the index by which the rows in review are found."""
    return partial_index(f"ix_{table}_review", "id", where="status = 'review'")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {datetime: UtcDateTime}
