"""The SQL texts of `commit.py`. Each is built once for the names that it needs, and cached."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from sqlalchemy import JSON, BigInteger, Boolean, Integer, LargeBinary

from mpesa_service.domain.deliveries import DeliveryStatus
from mpesa_service.domain.event_types import EventType
from mpesa_service.models.base import Base, UtcDateTime
from mpesa_service.models.statements import columns_of

Names = tuple[str, ...]
EVENTS = "outgoing_events"
DELIVERY_COLUMNS = (
    "endpoint_id",
    "outgoing_event_id",
    "resend",
    "status",
    "attempts",
    "claims",
    "due_at",
    "created_at",
)
_DELIVERY = ", ".join(DELIVERY_COLUMNS)
_POSTGRES_TYPES = {
    UtcDateTime: "timestamptz",
    JSON: "json",
    LargeBinary: "bytea",
    Boolean: "boolean",
    BigInteger: "bigint",
    Integer: "integer",
}


@dataclass(frozen=True)
class Shape:
    """A plan without its values: the tables and the names of the columns, in order."""

    changes: tuple[tuple[str, Names], ...]
    rows: tuple[tuple[str, Names, bool], ...]
    events: tuple[tuple[EventType, Names], ...]
    updates: tuple[tuple[str, Names | None, Names, Names], ...]
    absent: tuple[str, str] | None = None


@cache
def change(table: str, names: Names, postgres: bool) -> str:
    """Return the statement that changes a row of this version. Without names, it does not change the row."""
    mark = _mark(postgres)
    if not names:
        return f"UPDATE {table} SET version = version WHERE id = {mark} AND version = {mark}"
    sets = ", ".join(f"{_column(table, name)} = {mark}" for name in names)
    return f"UPDATE {table} SET {sets}, version = version + 1 WHERE id = {mark} AND version = {mark}"


@cache
def insert(
    table: str,
    names: Names,
    postgres: bool,
    *,
    once: bool = False,
    unless: tuple[str, str] | None = None,
) -> str:
    """Return the statement that inserts a row; with `once`, only if no unique key forbids it.

    With `unless`, a table and a column, it inserts nothing if a row of that table has the last value.
    """
    columns = ", ".join(_column(table, name) for name in names)
    marks = ", ".join(_mark(postgres) for _ in names)
    tail = " ON CONFLICT DO NOTHING" if once else ""
    source = f"VALUES ({marks})" if unless is None else f"SELECT {marks}{_unless(*unless, _mark(postgres))}"
    return f"INSERT INTO {table} ({columns}) {source}{tail}"


def _unless(table: str, attribute: str, value: str) -> str:
    return f" WHERE NOT EXISTS (SELECT 1 FROM {table} WHERE {_column(table, attribute)} = {value})"


@cache
def update(table: str, names: Names | None, where: Names, null: Names, postgres: bool) -> str:
    """Return the statement that changes, or without names deletes, the rows with the values of `where`."""
    mark = _mark(postgres)
    terms = " AND ".join(
        f"{_column(table, name)} IS NULL" if name in null else f"{_column(table, name)} = {mark}"
        for name in where
    )
    if names is None:
        return f"DELETE FROM {table} WHERE {terms}"
    sets = ", ".join(f"{_column(table, name)} = {mark}" for name in names)
    return f"UPDATE {table} SET {sets} WHERE {terms}"


@cache
def deliver(event_type: EventType, postgres: bool) -> str:
    """Return the statement that inserts the deliveries of an event: its time twice, then its event id."""
    mark = _mark(postgres)
    values = f"e.id, 0, '{DeliveryStatus.WAITING}', 0, 0, {mark}, {mark}"
    source = f" JOIN {EVENTS} e ON e.event_id = {mark}"
    return f"INSERT INTO webhook_deliveries ({_DELIVERY}) {_takers(event_type, values, postgres, source)}"


def _takers(event_type: EventType, values: str, postgres: bool, source: str = "") -> str:
    position = "strpos" if postgres else "instr"
    wanted = f"(w.event_types = '' OR {position}(w.event_types, ' {event_type} ') > 0)"
    return f"SELECT w.id, {values} FROM webhook_endpoints w{source} WHERE w.enabled AND {wanted}"


@cache
def statement(shape: Shape) -> str:
    """Return the one statement that writes a plan on PostgreSQL. It returns a row if it wrote."""
    binds = (
        f"{'%b' if kind == 'bytea' else '%s'}::{kind} AS a{place}" for place, kind in enumerate(_types(shape))
    )
    return _cte(shape, f"SELECT {', '.join(['0 AS n', *binds])}")


@cache
def statement_for_many(shape: Shape) -> str:
    """Return the statement that writes plans of one shape. It returns the written plans' numbers `n`."""
    columns = ", ".join(f"a{place} {kind}" for place, kind in enumerate(_types(shape)))
    return _cte(shape, f"SELECT * FROM json_to_recordset(%s::json) AS v(n integer, {columns})")


def _cte(shape: Shape, values: str) -> str:
    places = iter(range(len(_types(shape))))
    parts = [f"r AS ({values})"]
    if shape.absent is not None:  # without a row in `r`, no part writes anything
        parts = [f"v AS ({values})", f"r AS (SELECT * FROM v{_unless(*shape.absent, _last(shape))})"]
    guard = "SELECT n FROM r"
    for table, names in shape.changes:
        guard = _guarded_change(table, names, places)
    rows = []
    for number, (table, names, once) in enumerate(shape.rows):
        columns = ", ".join(_column(table, name) for name in names)
        taken = ", ".join(f"r.a{next(places)}" for _ in names)
        inserted = f"INSERT INTO {table} ({columns}) SELECT {taken} FROM r"
        if once:
            guard = f"{inserted} ON CONFLICT DO NOTHING RETURNING 0 AS n"
        else:
            rows.append(f"w{number} AS ({inserted} JOIN g USING (n))")
    parts += [f"g AS ({guard})", *rows]
    for number, (event_type, names) in enumerate(shape.events):
        parts += _event_parts(number, event_type, names, places)
    selected = ["g.n"]
    for number, (table, columns_or_none, where, null) in enumerate(shape.updates):
        parts.append(f"u{number} AS ({_joined_update(table, columns_or_none, where, null, places)})")
        selected.append(f"EXISTS (SELECT 1 FROM u{number})")
    return f"WITH {', '.join(parts)} SELECT {', '.join(selected)} FROM g"


def _last(shape: Shape) -> str:
    return f"v.a{len(_types(shape)) - 1}"


def _guarded_change(table: str, names: Names, places: Any) -> str:
    same = f"t.id = r.a{next(places)} AND t.version = r.a{next(places)}"
    if not names:
        return f"SELECT r.n FROM r JOIN {table} t ON {same}"
    sets = ", ".join(f"{_column(table, name)} = r.a{next(places)}" for name in names)
    return f"UPDATE {table} t SET {sets}, version = t.version + 1 FROM r WHERE {same} RETURNING r.n"


def _event_parts(number: int, event_type: EventType, names: Names, places: Any) -> list[str]:
    taken = ", ".join(f"r.a{next(places)}" for _ in names)
    event = f"INSERT INTO {EVENTS} ({', '.join(names)}) SELECT {taken} FROM r JOIN g USING (n)"
    if number:  # PostgreSQL executes independent parts in any order, but events have an order.
        event += f" WHERE (SELECT count(*) FROM d{number - 1}) >= 0"
    values = f"e.id, 0, '{DeliveryStatus.WAITING}', 0, 0, e.created_at, e.created_at"
    takers = _takers(event_type, values, True, f" CROSS JOIN e{number} e")
    return [
        f"e{number} AS ({event} RETURNING id, created_at)",
        f"d{number} AS (INSERT INTO webhook_deliveries ({_DELIVERY}) {takers} RETURNING id)",
    ]


def _joined_update(table: str, names: Names | None, where: Names, null: Names, places: Any) -> str:
    terms = " AND ".join(
        f"t.{_column(table, name)} IS NULL"
        if name in null
        else f"t.{_column(table, name)} = r.a{next(places)}"
        for name in where
    )
    if names is None:
        return f"DELETE FROM {table} t USING r JOIN g USING (n) WHERE {terms} RETURNING 1"
    sets = ", ".join(f"{_column(table, name)} = r.a{next(places)}" for name in names)
    return f"UPDATE {table} t SET {sets} FROM r JOIN g USING (n) WHERE {terms} RETURNING 1"


@cache
def _types(shape: Shape) -> list[str]:
    types: list[str] = []
    for table, names in shape.changes:
        types += [_type(table, name) for name in ("id", "version", *names)]
    for table, names, _ in shape.rows:
        types += [_type(table, name) for name in names]
    for _, names in shape.events:
        types += [_type(EVENTS, name) for name in names]
    for table, columns, where, null in shape.updates:
        types += [_type(table, name) for name in where if name not in null]
        types += [_type(table, name) for name in columns or ()]
    if shape.absent is not None:
        types.append(_type(*shape.absent))
    return types


def _mark(postgres: bool) -> str:
    return "%s" if postgres else "?"


def _column(table: str, attribute: str) -> str:
    return _columns(table)[attribute]


@cache
def _columns(table: str) -> Mapping[str, str]:
    for mapper in Base.registry.mappers:
        if mapper.local_table.name == table:  # type: ignore[attr-defined]
            return columns_of(cast("type[Base]", mapper.class_))
    raise LookupError(f"no table {table}")


def _type(table: str, attribute: str) -> str:
    kind = Base.metadata.tables[table].c[_column(table, attribute)].type
    for known, text in _POSTGRES_TYPES.items():
        if isinstance(kind, known):
            return text
    return "varchar"
