"""The common parts of the invariants: violations, a tally, snapshots, and the rule of audit trails."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.states import TransitionTable
from mpesa_service.models import Payment, PaymentEvent, Refund

BATCH = 500
Json = Mapping[str, Any]
Found = TypeVar("Found")


@dataclass(frozen=True)
class Violation:
    """A broken rule: its name, the id of the payment or other row, and the fault in a sentence."""

    invariant: str
    subject: str
    sentence: str


@dataclass
class Tally:
    """How many rows were checked, by kind; `review` and `discrepancies` count what waits for a person."""

    counts: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class PaymentHistory:
    """Everything in the database about one payment; outgoing events without their payload."""

    payment: Payment
    events: Sequence[PaymentEvent]
    outgoing: Sequence[Row[Any]]
    refunds: Sequence[Refund]


def freeze(session: Session) -> None:
    """Let all statements of the transaction read one snapshot. On SQLite they always do."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


def read_pages(
    runtime: Runtime, table: type[Any], read: Callable[[Session, Sequence[Any]], Found]
) -> Iterator[Found]:
    """Yield what `read` returns for each page of a table's rows, oldest first, each from one snapshot."""
    after = None
    while True:
        page = select(table).order_by(table.id).limit(BATCH)
        with runtime.database.read() as session:
            freeze(session)
            rows = session.scalars(page if after is None else page.where(table.id > after)).all()
            if not rows:
                return
            found = read(session, rows)
        yield found
        after = rows[-1].id


class TrailLine(Protocol):
    """One line of an audit trail."""

    from_status: Any
    to_status: Any
    cause: Any


@dataclass(frozen=True)
class Moves:
    """A transition table with the names of audit trails: targets by edge and source, and the edges' names."""

    targets: Mapping[tuple[str, str], str]
    names: Collection[str]

    @classmethod
    def of(cls, table: TransitionTable[Any]) -> "Moves":
        targets = {(edge.name, str(edge.source)): str(edge.target) for edge in table.edges}
        return cls(targets, {edge.name for edge in table.edges})


def transition_violation(
    line: TrailLine, at: str | None, moves: Moves, begins: Collection[str]
) -> str | None:
    """Return what is wrong with a line of an audit trail, or None.

    `at` is the status after the line before; it is None for the first line, which must lead to one of
    `begins`. A line whose cause is not an edge is a note, and must not change the status.
    """
    if at is None:
        if line.from_status is None and line.to_status in begins:
            return None
        return f"is the first one and does not begin at {' or '.join(sorted(begins))}"
    if line.from_status != at:
        return f"leaves {line.from_status}, but the one before ended at {at}"
    if line.cause not in moves.names:
        return None if line.to_status == at else "is a note, yet changes the status"
    if moves.targets.get((line.cause, at)) != line.to_status:
        return f"leads from {at} to {line.to_status}, which is not in the transition table"
    return None
