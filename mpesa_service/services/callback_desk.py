"""STK callbacks that come at the same moment: read for, judged and written together (PostgreSQL)."""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.daraja import StkCallback
from mpesa_service.extensions import Database
from mpesa_service.gathering import Gathering
from mpesa_service.log_lines import in_one_write
from mpesa_service.models.snapshots import Shape, Snapshot, look_at_payments, shape_of, write_all
from mpesa_service.models.together import Waiting, are_apart
from mpesa_service.services.handled import Handled

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arrived:
    """A callback, the hash that its payment is found by, and its columns so far.

    `context` is its request's, to which its log lines belong whichever thread writes them.
    """

    callback: StkCallback
    checkout_hash: str
    received: Mapping[str, Any] = field(repr=False)
    context: Context = field(default_factory=copy_context, repr=False)


@dataclass(frozen=True, eq=False)
class Judged:
    """What a callback comes to, the rows that are to be written for it, and what may be said after that."""

    handled: Handled
    read: Snapshot
    rows: Waiting = field(repr=False)
    after: Sequence[Callable[[], None]] = field(repr=False)
    context: Context = field(repr=False)

    def say(self) -> None:
        """Say what may be said once it is written; that cannot be said is no reason to do it again."""
        for say in self.after:
            try:
                self.context.run(say)
            except Exception:
                log.exception("callback is written, but could not be told of")


Judge = Callable[[Arrived, Snapshot | None], Judged | None]


class CallbackDesk(Gathering[tuple[Arrived, Judge], Judged | None]):
    """Returns what a callback has come to, when that is written. None: nothing is, it needs locks."""

    def __init__(self, database: Database) -> None:
        super().__init__(self._settle_all)
        self._database = database

    def _settle_all(self, wishes: Sequence[tuple[Arrived, Judge]]) -> Sequence[Judged | None]:
        hashes = [arrived.checkout_hash for arrived, _ in wishes]
        with self._database.statements() as connection:
            reads = look_at_payments(connection, "checkout_id_hash", hashes)
            judged = [
                arrived.context.run(judge, arrived, read)
                for (arrived, judge), read in zip(wishes, reads, strict=True)
            ]
            written = write_judged(connection, judged)
        with in_one_write():
            for one in written:
                one.say()
        return [one if one in written else None for one in judged]


def write_judged(connection: Connection, judged: Sequence[Judged | None]) -> set[Judged]:
    """Write what follows from callbacks, those of one shape in one statement; return those that are written.

    Of several that change one payment only the first can be true of it.
    """
    shapes: dict[Shape, list[Judged]] = defaultdict(list)
    changed: set[str] = set()
    for one in judged:
        if one is None or not are_apart(one.rows):
            continue
        shape = shape_of(one.read, one.rows)
        if shape.attributes and one.read.payment.id in changed:
            continue
        if shape.attributes:
            changed.add(one.read.payment.id)
        shapes[shape].append(one)
    return {one for shape, alike in shapes.items() for one in _write(connection, shape, alike)}


def _write(connection: Connection, shape: Shape, alike: Sequence[Judged]) -> list[Judged]:
    """Write callbacks of one shape; if that fails, none is written, and each is applied under locks."""
    try:
        ids = write_all(connection, shape, [(one.read, one.rows) for one in alike])
    except SQLAlchemyError as error:
        log.warning("callbacks are applied one by one: %s", type(error).__name__)
        return []
    return [one for one in alike if one.read.payment.id in ids]
