"""Writes a plan in one transaction, or nothing at all if a row is no longer as it was read.

There are two bodies with one meaning. On PostgreSQL a plan that rests on one row is one statement with a
data-modifying CTE: one round trip, no BEGIN, no COMMIT. Every other plan, and every plan on SQLite, is
several statements in a transaction. `tests/models/test_commit.py` runs the same tests on both.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError

from mpesa_service.domain.plans import Change, Event, NewRow, Plan, Update
from mpesa_service.domain.references import new_id
from mpesa_service.models import commit_sql
from mpesa_service.models.commit_sql import Shape
from mpesa_service.models.driver import Driver, to_json, to_postgres, to_sqlite


@dataclass(frozen=True)
class Committed:
    """A plan is written. `updated` tells for each of its updates whether there was such a row."""

    updated: tuple[bool, ...] = ()


class _Conflict(Exception):
    """A row is not as it was read, or a unique key is taken."""


def commit(connection: Driver, plan: Plan) -> Committed | None:
    """Write a plan; None if nothing was written, because somebody else was faster."""
    try:
        if connection.is_postgres and _rests_on_one_row(plan):
            return _in_one_statement(connection, plan)
        return _one_by_one(connection, plan)
    except (_Conflict, IntegrityError):
        return None


def commit_many(connection: Driver, plans: Sequence[Plan]) -> list[Committed | None]:
    """Write plans, those of one shape in one statement; None for each that is not written.

    PostgreSQL only. Of several plans for one payment only the first is written: the others rest on a version
    that is old by then. If the statement of a shape fails, none of its plans is written.
    """
    alike: dict[Shape, list[int]] = defaultdict(list)
    payments: set[str] = set()
    for number, plan in enumerate(plans):
        if not _rests_on_one_row(plan) or len(plan.changes) != 1 or plan.changes[0].id in payments:
            continue
        payments.add(plan.changes[0].id)
        alike[commit_sql.shape_of(plan)].append(number)
    done: list[Committed | None] = [None] * len(plans)
    for shape, numbers in alike.items():
        # In the order of their ids, like everybody who locks several payments.
        ordered = sorted(numbers, key=lambda number: plans[number].changes[0].id)
        for number in _write_alike(connection, shape, {number: plans[number] for number in ordered}):
            done[number] = Committed()
    return done


def _rests_on_one_row(plan: Plan) -> bool:
    guards = len(plan.changes) + sum(row.once for row in plan.rows)
    return guards <= 1 and not any(update.required for update in plan.updates)


def _in_one_statement(connection: Driver, plan: Plan) -> Committed:
    shape = commit_sql.shape_of(plan)
    values = [to_postgres(value) for value in _values(plan)]
    found = connection.rows(commit_sql.statement(shape), values)
    if not found:
        raise _Conflict
    return Committed(tuple(map(bool, found[0][1:])))


def _write_alike(connection: Driver, shape: Shape, plans: Mapping[int, Plan]) -> list[int]:
    """Return the numbers of the plans that are written."""
    records = [
        {"n": number, **{f"a{place}": value for place, value in enumerate(_values(plan))}}
        for number, plan in plans.items()
    ]
    text = json.dumps(records, default=to_json)
    try:
        return [row[0] for row in connection.rows(commit_sql.statement_for_many(shape), (text,))]
    except IntegrityError:
        return []


def _one_by_one(connection: Driver, plan: Plan) -> Committed:
    with connection.transaction():
        for change in plan.changes:
            _expect(write_change(connection, change))
        for row in plan.rows:
            _expect(write_row(connection, row))
        for event in plan.events:
            write_event(connection, event)
        updated = []
        for update in plan.updates:
            updated.append(write_update(connection, update) > 0)
            _expect(updated[-1] or not update.required)
        return Committed(tuple(updated))


def write_row(connection: Driver, row: NewRow) -> int:
    """Insert a row; return how many were inserted."""
    columns = commit_sql.present(row.columns)
    sql = commit_sql.insert(row.table, tuple(columns), connection.is_postgres, once=row.once)
    return _execute(connection, sql, columns.values())


def write_update(connection: Driver, update: Update) -> int:
    """Change or delete the rows of an update; return how many there were."""
    names = (tuple(update.where), commit_sql.nulls(update.where))
    columns = None if update.columns is None else tuple(update.columns)
    sql = commit_sql.update(update.table, columns, *names, connection.is_postgres)
    values = [*(update.columns or {}).values(), *commit_sql.present(update.where).values()]
    return _execute(connection, sql, values)


def write_change(connection: Driver, change: Change) -> int:
    """Change a row if it still has the version that was read; return how many rows have it."""
    sql = commit_sql.change(change.table, tuple(change.columns), connection.is_postgres)
    values = [*change.columns.values(), change.id, change.version]
    if change.columns:
        return _execute(connection, sql, values)
    return len(connection.rows(sql, values))


def write_event(connection: Driver, event: Event) -> None:
    """Insert an outgoing event and its deliveries, one for each endpoint that wants its type."""
    columns = commit_sql.present(event_columns(event))
    sql = commit_sql.insert("outgoing_events", tuple(columns), connection.is_postgres, returning="id")
    [[event_row]] = connection.rows(sql, _adapted(connection, columns.values()))
    sql = commit_sql.deliver(event.type, connection.is_postgres)
    _execute(connection, sql, [event_row, event.at, event.at])


def event_columns(event: Event) -> dict[str, Any]:
    """Return the row of an outgoing event."""
    return {
        "event_id": f"evt_{new_id(event.at)}",
        "subject_id": event.subject_id,
        "payment_id": event.payment_id,
        "refund_id": event.refund_id,
        "type": event.type,
        "sequence": event.sequence,
        "payload": event.payload(),
        "created_at": event.at,
    }


def _values(plan: Plan) -> list[Any]:
    """Return a plan's values in the order of its shape."""
    values: list[Any] = []
    for change in plan.changes:
        values += [change.id, change.version, *change.columns.values()]
    for row in plan.rows:
        values += commit_sql.present(row.columns).values()
    for event in plan.events:
        values += commit_sql.present(event_columns(event)).values()
    for update in plan.updates:
        values += [*commit_sql.present(update.where).values(), *(update.columns or {}).values()]
    return values


def _execute(connection: Driver, sql: str, values: Any) -> int:
    return connection.execute(sql, _adapted(connection, values))


def _adapted(connection: Driver, values: Any) -> list[Any]:
    adapt = to_postgres if connection.is_postgres else to_sqlite
    return [adapt(value) for value in values]


def _expect(done: int) -> None:
    if not done:
        raise _Conflict
