"""Writes a plan in one transaction, or writes nothing if a row has changed since it was read.

There are two implementations with one meaning. On PostgreSQL, a plan that depends on one row is one statement
with a data-modifying CTE: one round trip, no BEGIN, no COMMIT. Every other plan, and every plan on SQLite, is
several statements in a transaction. `tests/models/test_commit.py` runs the same tests on both.
"""

import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import DBAPIError, IntegrityError

from mpesa_service.domain.moments import EAST_AFRICA
from mpesa_service.domain.plans import Absent, Change, Columns, Event, NewRow, Plan, Update
from mpesa_service.models import commit_sql
from mpesa_service.models.absence import absence_lock
from mpesa_service.models.commit_sql import Shape
from mpesa_service.models.driver import Driver, Statement
from mpesa_service.models.violations import broken_rule, is_taken

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Committed:
    """A plan was written. `updated` says for each of its updates whether there was such a row."""

    updated: tuple[bool, ...] = ()


def commit(connection: Driver, plan: Plan) -> Committed | None:
    """Write a plan; return None if nothing was written, because another writer was faster.

    Another writer was faster if a row has another version, or if a unique key is taken. Every other error of
    the database is raised.
    """
    try:
        return _commit(connection, plan)
    except IntegrityError as error:
        log.error("the database refused a plan", extra={"constraint": broken_rule(error)})  # noqa: TRY400
        raise


def _commit(connection: Driver, plan: Plan) -> Committed | None:
    try:
        if connection.is_postgres and _rests_on_one_row(plan):
            return _in_one_statement(connection, plan)
        counts = connection.execute(statements_of(plan, connection.is_postgres))
    except IntegrityError as error:
        if is_taken(error):
            return None
        raise
    if counts is None:
        return None
    return Committed(tuple([count > 0 for count in counts[len(counts) - len(plan.updates) :]]))


def commit_many(connection: Driver, plans: Sequence[Plan]) -> list[Committed | None]:
    """Write plans together; return None for each one that is not written.

    On PostgreSQL, plans of one shape are one statement. Of several plans for one payment only the first is
    written: the others depend on a version that has changed by then. If the statement of a shape fails, none
    of its plans is written. On SQLite, all plans are one transaction.

    The error of one plan is not raised: write that plan alone to get it. Raises sqlalchemy.exc.DBAPIError if
    the connection is lost. Then it is not known which plans are written.
    """
    if not connection.is_postgres:
        return _many_one_by_one(connection, plans)
    alike: dict[Shape, dict[int, list[Any]]] = defaultdict(dict)
    payments: set[str] = set()
    for number, plan in enumerate(plans):
        alone = not _rests_on_one_row(plan) or len(plan.changes) != 1 or plan.absent is not None
        if alone or plan.changes[0].id in payments:
            continue
        payments.add(plan.changes[0].id)
        shape, values = shaped(plan)
        alike[shape][number] = values
    done: list[Committed | None] = [None] * len(plans)
    for shape, numbers in alike.items():
        # In the order of their ids, like all writers that lock several payments.
        ordered = sorted(numbers, key=lambda number: plans[number].changes[0].id)
        for number in _write_alike(connection, shape, {number: numbers[number] for number in ordered}):
            done[number] = Committed()
    return done


def _rests_on_one_row(plan: Plan) -> bool:
    guards = len(plan.changes) + sum(row.once for row in plan.rows)
    return guards <= 1 and not any(update.required for update in plan.updates)


def _in_one_statement(connection: Driver, plan: Plan) -> Committed | None:
    shape, values = shaped(plan)
    sql = commit_sql.statement(shape)
    if plan.absent is None:
        found = connection.rows(sql, values)
    else:
        found = connection.rows_after(absence_lock(plan.absent), sql, values)
    return Committed(tuple(map(bool, found[0][1:]))) if found else None


def _write_alike(connection: Driver, shape: Shape, plans: Mapping[int, Sequence[Any]]) -> list[int]:
    """Return the numbers of the plans that are written. `plans` has their values."""
    try:
        records = [
            {"n": number, **{f"a{place}": value for place, value in enumerate(values)}}
            for number, values in plans.items()
        ]
        text = json.dumps(records, default=_to_json)
        return [row[0] for row in connection.rows(commit_sql.statement_for_many(shape), (text,))]
    except Exception as error:  # the caller writes each plan alone, and the faulty one gets its error
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        return []


def _many_one_by_one(connection: Driver, plans: Sequence[Plan]) -> list[Committed | None]:
    """Write plans in one transaction, each after a savepoint: one that fails does not affect the others."""
    with connection.transaction():
        done = []
        for plan in plans:
            connection.execute([Statement("SAVEPOINT plan", (), required=False)])
            try:
                done.append(_commit(connection, plan))
            except Exception:  # noqa: BLE001 - the caller writes it alone and gets its error
                done.append(None)
            if done[-1] is None:
                connection.execute([Statement("ROLLBACK TO plan", (), required=False)])
            connection.execute([Statement("RELEASE plan", (), required=False)])
        return done


def statements_of(plan: Plan, postgres: bool) -> list[Statement]:
    """Return the statements that write a plan, in the order of execution."""
    rows = plan.rows if plan.absent is None else plan.rows[1:]
    return [
        *([absence_lock(plan.absent)] if plan.absent is not None and postgres else ()),
        *(change_statement(change, postgres) for change in plan.changes),
        *(_insert_unless(plan.absent, plan.rows[0], postgres) if plan.absent is not None else ()),
        *rows_and_events(rows, plan.events, postgres),
        *(update_statement(update, postgres) for update in plan.updates),
    ]


def rows_and_events(
    rows: Iterable[NewRow],
    events: Iterable[Event],
    postgres: bool,
) -> list[Statement]:
    """Return the statements that insert rows, and events with a delivery for each subscribed endpoint."""
    found = [_insert(row.table, row.columns, postgres, once=row.once) for row in rows]
    for event in events:
        columns = event_columns(event)
        found.append(_insert(commit_sql.EVENTS, columns, postgres))
        deliver = commit_sql.deliver(event.type, postgres)
        found.append(Statement(deliver, (event.at, event.at, columns["event_id"]), required=False))
    return found


def _insert(table: str, columns: Columns, postgres: bool, *, once: bool = False) -> Statement:
    values = present(columns)
    return Statement(commit_sql.insert(table, tuple(values), postgres, once=once), [*values.values()])


def _insert_unless(absent: Absent, row: NewRow, postgres: bool) -> list[Statement]:
    values = present(row.columns)
    unless = (absent.table, absent.column)
    sql = commit_sql.insert(row.table, tuple(values), postgres, once=row.once, unless=unless)
    return [Statement(sql, [*values.values(), absent.value])]


def update_statement(update: Update, postgres: bool) -> Statement:
    """Return the statement that changes or deletes the rows of an update."""
    names = (tuple(update.where), nulls(update.where))
    columns = None if update.columns is None else tuple(update.columns)
    values = [*(update.columns or {}).values(), *present(update.where).values()]
    return Statement(commit_sql.update(update.table, columns, *names, postgres), values, update.required)


def change_statement(change: Change, postgres: bool) -> Statement:
    """Return the statement that changes a row if it still has the version that was read."""
    sql = commit_sql.change(change.table, tuple(change.columns), postgres)
    return Statement(sql, [*change.columns.values(), change.id, change.version])


def event_columns(event: Event) -> dict[str, Any]:
    """Return the row of an outgoing event."""
    return {
        "event_id": f"evt_{event.subject_id}_{event.sequence}",
        "subject_id": event.subject_id,
        "payment_id": event.payment_id,
        "refund_id": event.refund_id,
        "type": event.type,
        "sequence": event.sequence,
        "payload": payload(event),
        "created_at": event.at,
    }


def payload(event: Event) -> bytes:
    """Return the bytes that every delivery attempt sends: JSON in UTF-8, times in Nairobi time."""
    data = {"_id": event.subject_id, "sequence": event.sequence, **event.data}
    body = {"type": event.type, "timestamp": event.at, "data": data}
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False, default=_time).encode()


def _time(at: datetime) -> str:
    return at.astimezone(EAST_AFRICA).isoformat(timespec="milliseconds")


def shaped(plan: Plan) -> tuple[Shape, list[Any]]:
    """Return the shape of a plan, which is the plan without its values, and the values in that order."""
    values: list[Any] = []
    changes, rows, events, updates = [], [], [], []
    for change in plan.changes:
        changes.append((change.table, tuple(change.columns)))
        values += [change.id, change.version, *change.columns.values()]
    for row in plan.rows:
        columns = present(row.columns)
        rows.append((row.table, tuple(columns), row.once))
        values += columns.values()
    for event in plan.events:
        columns = present(event_columns(event))
        events.append((event.type, tuple(columns)))
        values += columns.values()
    for update in plan.updates:
        names = None if update.columns is None else tuple(update.columns)
        updates.append((update.table, names, tuple(update.where), nulls(update.where)))
        values += [*present(update.where).values(), *(update.columns or {}).values()]
    if plan.absent is not None:
        values.append(plan.absent.value)
    absent = None if plan.absent is None else (plan.absent.table, plan.absent.column)
    return Shape(tuple(changes), tuple(rows), tuple(events), tuple(updates), absent), values


def present(columns: Columns) -> dict[str, Any]:
    """Return the columns that are not NULL. A column that an insert omits is NULL, at no cost."""
    return {name: value for name, value in columns.items() if value is not None}


def nulls(columns: Columns) -> tuple[str, ...]:
    """Return the names of the columns that must be NULL."""
    return tuple(name for name, value in columns.items() if value is None)


def _to_json(value: Any) -> Any:
    """Return a value as PostgreSQL reads it from JSON."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return value.isoformat() if isinstance(value, datetime) else value
