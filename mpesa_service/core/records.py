"""Records: plain values that were read from a row, for code outside of its transaction."""

from dataclasses import fields
from typing import Any, TypeVar

Record = TypeVar("Record")


def record_from(kind: type[Record], row: object, /, **given: Any) -> Record:
    """Return a record (a dataclass): the attributes of `row` of the same names, except for the given ones."""
    names = (one.name for one in fields(kind) if one.name not in given)  # type: ignore[arg-type]
    return kind(**{name: getattr(row, name) for name in names}, **given)
