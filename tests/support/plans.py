"""Plans to write, and the bodies of `commit` that write them."""

import threading
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import text

from mpesa_service.core.database import Database
from mpesa_service.domain.event_types import EventType
from mpesa_service.domain.plans import Change, Event, NewRow, Plan, Update
from mpesa_service.models.commit import Committed, commit, commit_many
from tests.support.rows import AT, add, audit_row, inbox_row, payment_row

PATIENCE = 10.0
GUARD = Update("rate_limiters", {"name": "guard"}, {"next_at": AT})
"""A plan that rests on it, too, is several statements in a transaction."""
BODIES = ("sqlite", "sqlite batch", "one statement", "several statements", "batch")


@dataclass
class Body:
    """A body of `commit`, and its database."""

    database: Database
    name: str

    def commit(self, plan: Plan) -> Committed | None:
        with self.database.writing() as connection:
            if self.name.endswith("batch"):
                return commit_many(connection, [plan])[0]
            if self.name == "several statements":
                plan = replace(plan, updates=(*plan.updates, GUARD))
            return commit(connection, plan)


def set_up(database: Database) -> None:
    add(database, payment_row(), NewRow("rate_limiters", {"name": "guard", "next_at": AT}))


def change(version: int = 1, name: str = "p1", **columns: Any) -> Change:
    return Change("payments", name, version, columns)


def succeeded(sequence: int = 1, name: str = "p1") -> Event:
    data = {"order": "ORDER1", "text": "Asante - 100 %"}
    return Event(EventType.PAYMENT_SUCCEEDED, name, sequence, data, AT, payment_id=name)


def whole(name: str = "p1", **columns: Any) -> Plan:
    """Return a plan with something of everything."""
    return Plan(
        "applied",
        "paid",
        name,
        changes=(change(1, name, status="succeeded", receipt=f"R-{name}", phone_lock=None, **columns),),
        rows=(audit_row(name), inbox_row(payment_id=name)),
        events=(succeeded(1, name),),
        updates=(Update("suspensions", {"name": "there"}, {"reason": "changed"}, required=False),),
    )


def lose(connection: Any) -> None:
    """Break a driver's connection, as a restart of the server does."""
    connection._connection.close()


def wait_for_one_that_waits(database: Database) -> None:
    """Return when a statement waits for a lock."""
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(1_000):
        with database.read() as session:
            if session.scalar(waits):
                return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits")
