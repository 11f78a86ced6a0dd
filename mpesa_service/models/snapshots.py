"""Payments as they stand, read without a lock, and what is written only where they still do (PostgreSQL).

To lock a row, change it and commit takes five trips to the database. To read it, and then change it in one
statement that does nothing if the row is no longer the one that was read, takes two, for any number of
payments. Each is a transaction of its own. A row's version is its `xmin`, the transaction that wrote it:
every change of the row changes it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    JSON,
    ColumnElement,
    Connection,
    FromClause,
    Select,
    String,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm.attributes import instance_dict, manager_of_class
from sqlalchemy.types import TypeEngine

from mpesa_service.models.payments import Payment
from mpesa_service.models.statements import announced_order_of, columns_of, table_of
from mpesa_service.models.together import Waiting, Writing

_P = table_of(Payment)
_XMIN: ColumnElement[str] = literal_column("payments.xmin::text", String)


@dataclass(frozen=True)
class Snapshot:
    """A payment that was read, and belongs to no session: what is set on it is written by `write_all`.

    `announced_order` is the id of the announced order that counts payments of its order id, if there is one.
    """

    payment: Payment
    version: str
    announced_order: str | None
    as_read: Mapping[str, Any] = field(repr=False)

    def changed(self) -> tuple[str, ...]:
        """Return the names of the attributes that were set on the payment since, in their order."""
        now = instance_dict(self.payment)
        return tuple(sorted(name for name, value in self.as_read.items() if now[name] != value))


def look_at_payments(connection: Connection, unique: str, keys: Sequence[str]) -> list[Snapshot | None]:
    """Return the payments that have these values in a unique column, in their order; None where none has."""
    names = tuple(columns_of(Payment))
    place = names.index(unique)
    rows: Iterable[Sequence[Any]] = connection.execute(_look_by(unique), {"keys": list(keys)})
    found = {row[place]: row for row in rows}
    return [_snapshot(names, found[key]) if key in found else None for key in keys]


def _snapshot(names: Sequence[str], row: Sequence[Any]) -> Snapshot:
    values = dict(zip(names, row, strict=False))
    version, order = row[-2:]
    payment: Payment = manager_of_class(Payment).new_instance()
    instance_dict(payment).update(values)
    return Snapshot(payment, version, order, values)


@cache
def _look_by(unique: str) -> Select[Any]:
    attributes = [_P.c[own].label(name) for name, own in columns_of(Payment).items()]
    order = announced_order_of(_P.c.order_id, _P.c.owner).scalar_subquery().label("announced_order")
    found = select(*attributes, _XMIN.label("version"), order)
    return found.where(_P.c[unique] == any_(bindparam("keys", type_=ARRAY(String))))


@dataclass(frozen=True)
class Shape:
    """What one statement writes: a payment's attributes, and rows beside it, no two of one table."""

    attributes: tuple[str, ...]
    rows: tuple[Writing, ...]


def shape_of(read: Snapshot, rows: Waiting) -> Shape:
    """Return the shape of what was set on a payment, and of the rows that are to be written with it."""
    return Shape(read.changed(), tuple(what for what, _ in rows))


def write_all(connection: Connection, shape: Shape, news: Sequence[tuple[Snapshot, Waiting]]) -> set[str]:
    """Write what was set on payments, each with its rows; return the ids of those that were still as read.

    Of the others nothing is written. All are of this shape, and of different payments. Where nothing was set,
    the rows are true of the payment as it was read, and are written in any case. Raises IntegrityError as any
    statement does, and then nothing is written at all.
    """
    # By their ids, as whoever locks several goes: two that go different ways wait for each other.
    ordered = sorted(news, key=lambda one: one[0].payment.id)
    records = [_record(shape, read, rows) for read, rows in ordered]
    text = json.dumps(records, default=_as_json)
    return set(connection.scalars(_statement(shape), {"records": text}))


def _record(shape: Shape, read: Snapshot, rows: Waiting) -> dict[str, Any]:
    now = instance_dict(read.payment)
    record = {"read_id": read.payment.id, "version": read.version}
    record.update((f"set_{name}", now[name]) for name in shape.attributes)
    for number, (_, values) in enumerate(rows):
        record.update((f"{_prefix(number)}{name}", value) for name, value in values.items())
    return record


def _as_json(value: object) -> str:
    """Write what JSON has no word for as PostgreSQL reads it."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)


@cache
def _statement(shape: Shape) -> Select[Any]:
    records = _records(shape)
    due = records if not shape.attributes else _still_as_read(shape, records)
    parts = [part for number, what in enumerate(shape.rows) for part in what.parts(_prefix(number), due)]
    others = [part if isinstance(part, CTE) else part.cte(f"part_{n}") for n, part in enumerate(parts)]
    return select(due.c.read_id).add_cte(*others)


def _records(shape: Shape) -> CTE:
    """Return the rows of the one parameter, with the types that their columns have."""
    types: dict[str, TypeEngine[Any]] = {"read_id": String(), "version": Text()}
    types |= {f"set_{name}": _P.c[columns_of(Payment)[name]].type for name in shape.attributes}
    for number, what in enumerate(shape.rows):
        types |= {f"{_prefix(number)}{name}": kind for name, kind in what.types().items()}
    said = func.json_to_recordset(cast(bindparam("records", type_=Text), JSON))
    columns: list[Any] = [column(name, kind) for name, kind in types.items()]
    return select(said.table_valued(*columns).render_derived("said", with_types=True)).cte("records")


def _still_as_read(shape: Shape, records: CTE) -> CTE:
    names = columns_of(Payment)
    values = {names[name]: records.c[f"set_{name}"] for name in shape.attributes}
    same = (_P.c.id == records.c.read_id, records.c.version == _XMIN)
    changed = update(_P).where(*same).values(values).returning(_P.c.id).cte("changed")
    both: FromClause = records.join(changed, changed.c.id == records.c.read_id)
    return select(*records.c).select_from(both).cte("due")


def _prefix(number: int) -> str:
    return f"w{number}_"
