"""A plan: every consequence of a decision, as data. `models/commit.py` writes a plan in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from mpesa_service.domain.event_types import EventType

Columns = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """New values for a row that must still have the version that was read.

    Without columns, the plan only depends on the row: the commit checks the version and writes nothing to it.
    """

    table: str
    id: str
    version: int
    columns: Columns


@dataclass(frozen=True)
class NewRow:
    """A row to insert. With `once`, the commit writes nothing at all if a unique key forbids the row."""

    table: str
    columns: Columns
    once: bool = False


@dataclass(frozen=True)
class Update:
    """New values for the row with the values of `where` (None means NULL). Without columns: delete the row.

    If `required`, the commit writes nothing at all unless there is such a row.
    """

    table: str
    where: Columns
    columns: Columns | None
    required: bool = True


@dataclass(frozen=True)
class Event:
    """An outgoing event: its subject, and the subject's sequence number (from 1, without gaps).

    `data` follows `_id` and `sequence` in the payload. It never contains a phone number. Its times are aware,
    and the payload shows them in Nairobi time.
    """

    type: EventType
    subject_id: str
    sequence: int
    data: Mapping[str, Any]
    at: datetime
    payment_id: str | None = None
    refund_id: str | None = None


@dataclass(frozen=True)
class LogLine:
    """A log line to write after the commit. `level` is a level of the logging module."""

    logger: str
    level: int
    message: str
    extra: Mapping[str, Any]


@dataclass(frozen=True)
class Absent:
    """A row that must not exist. If a row of the table has this value, nothing of the plan is written.

    `models/absence.py` has the lock that a transaction takes before it inserts such a row.
    """

    table: str
    column: str
    value: Any


@dataclass(frozen=True)
class Plan:
    """The content of a commit, in this order: changes, rows, events, updates. Log lines follow the commit.

    A plan with an `absent` row has at least one new row.
    """

    verdict: str
    reason: str
    payment_id: str | None = None
    changes: tuple[Change, ...] = ()
    rows: tuple[NewRow, ...] = ()
    events: tuple[Event, ...] = ()
    updates: tuple[Update, ...] = ()
    absent: Absent | None = None
    log: tuple[LogLine, ...] = field(default=(), repr=False)

    def and_also(self, other: "Plan") -> "Plan":
        """Return a plan that writes the content of both, with the verdict of this one."""
        return replace(
            self,
            changes=self.changes + other.changes,
            rows=self.rows + other.rows,
            events=self.events + other.events,
            updates=self.updates + other.updates,
            log=self.log + other.log,
        )
