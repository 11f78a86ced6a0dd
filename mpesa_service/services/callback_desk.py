"""STK callbacks that come at the same moment: read for, judged and, if they change nothing, stored together.

Only on PostgreSQL. The others each write what follows from them, in a statement of their own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mpesa_service.daraja import StkCallback
from mpesa_service.extensions import Database
from mpesa_service.gathering import Gathering
from mpesa_service.models import CallbackInbox
from mpesa_service.models.snapshots import Snapshot, look_at_payments
from mpesa_service.models.together import Waiting, append_all
from mpesa_service.services.handled import Handled


@dataclass(frozen=True)
class Arrived:
    """A callback, the hash that its payment is found by, and its columns so far."""

    callback: StkCallback
    checkout_hash: str
    received: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Judged:
    """What a callback comes to, and what is to be written for it: its own row, and `rows` beside that."""

    handled: Handled
    read: Snapshot
    stored: dict[str, Any] = field(repr=False)
    rows: Waiting = field(repr=False)
    after: Sequence[Callable[[], None]] = field(repr=False)
    """What may be said when that is written."""

    @property
    def changes_nothing(self) -> bool:
        """Tell whether it is a repetition, and true of the payment as it was read, whatever becomes of it."""
        return not self.rows and not self.read.changes()


Judge = Callable[[Arrived, Snapshot | None], Judged | None]


class CallbackDesk(Gathering[tuple[Arrived, Judge], Judged | None]):
    """Returns what a callback comes to; what changes nothing is stored by then. None: it needs locks."""

    def __init__(self, database: Database) -> None:
        super().__init__(self._judge_all)
        self._database = database

    def _judge_all(self, wishes: Sequence[tuple[Arrived, Judge]]) -> Sequence[Judged | None]:
        hashes = [arrived.checkout_hash for arrived, _ in wishes]
        with self._database.statements() as connection:
            reads = look_at_payments(connection, "checkout_id_hash", hashes)
            judged = [judge(arrived, read) for (arrived, judge), read in zip(wishes, reads, strict=True)]
            repetitions = [one.stored for one in judged if one is not None and one.changes_nothing]
            if repetitions:
                append_all(connection, CallbackInbox, repetitions)
        return judged
