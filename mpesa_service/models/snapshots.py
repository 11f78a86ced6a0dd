"""A payment as it stands, read without a lock, and what is written only if it still stands so (PostgreSQL).

To lock a row, change it and commit takes five trips to the database. To read it, and then change it in one
statement that does nothing if the row is no longer the one that was read, takes two. Each is a transaction of
its own. A row's version is its `xmin`, the transaction that wrote it: every change of the row changes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    Connection,
    Select,
    String,
    any_,
    bindparam,
    literal_column,
    select,
    update,
)
from sqlalchemy.orm.attributes import instance_dict, manager_of_class

from mpesa_service.models.payments import Payment
from mpesa_service.models.statements import announced_order_of, columns_of, table_of
from mpesa_service.models.together import Waiting, all_at_once

_VERSION = "version_read"
_P = table_of(Payment)
_XMIN = literal_column("payments.xmin::text", String)


@dataclass(frozen=True)
class Snapshot:
    """A payment that was read, and belongs to no session: what is set on it is written by `write_once`.

    `announced_order` is the id of the announced order that counts payments of its order id, if there is one.
    """

    payment: Payment
    version: str
    announced_order: str | None
    as_read: Mapping[str, Any] = field(repr=False)

    def changes(self) -> dict[str, Any]:
        """Return what was set on the payment since, by its attributes' names."""
        now = instance_dict(self.payment)
        return {name: now[name] for name, value in self.as_read.items() if now[name] != value}


def look_at_payments(connection: Connection, column: str, keys: Sequence[str]) -> list[Snapshot | None]:
    """Return the payments that have these values in a unique column, in their order; None where none has."""
    names, place = tuple(columns_of(Payment)), list(columns_of(Payment)).index(column)
    found: dict[str, Sequence[Any]] = {
        row[place]: row for row in connection.execute(_look_by(column), {"keys": list(keys)})
    }
    return [_snapshot(names, found[key]) if key in found else None for key in keys]


def _snapshot(names: Sequence[str], row: Sequence[Any]) -> Snapshot:
    values = dict(zip(names, row, strict=False))
    version, order = row[-2:]
    payment: Payment = manager_of_class(Payment).new_instance()
    instance_dict(payment).update(values)
    return Snapshot(payment, version, order, values)


def write_once(connection: Connection, read: Snapshot, rows: Waiting) -> bool:
    """Write what was set on the payment, and `rows` with it; tell whether the payment was still as read.

    If it was not, nothing is written. Raises IntegrityError as any statement does, and then nothing is.
    """
    changes = read.changes()
    guard = _changed(tuple(sorted(changes)))
    named = {f"set_{name}": value for name, value in changes.items()}
    parameters = {**named, "read_id": read.payment.id, _VERSION: read.version}
    return all_at_once(connection, rows, guard, parameters) == 1


@cache
def _look_by(column: str) -> Select[Any]:
    attributes = [_P.c[own].label(name) for name, own in columns_of(Payment).items()]
    order = announced_order_of(_P.c.order_id, _P.c.owner).scalar_subquery().label("announced_order")
    found = select(*attributes, _XMIN.label("version"), order)
    return found.where(_P.c[column] == any_(bindparam("keys", type_=ARRAY(String))))


@cache
def _changed(names: tuple[str, ...]) -> CTE:
    """Return the update of a payment that is as it was read, with one row if it was."""
    columns = columns_of(Payment)
    values = {columns[name]: bindparam(f"set_{name}", type_=_P.c[columns[name]].type) for name in names}
    same = (_P.c.id == bindparam("read_id"), bindparam(_VERSION, type_=String) == _XMIN)
    return update(_P).where(*same).values(values).returning(_P.c.id).cte("changed")
