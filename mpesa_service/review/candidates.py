"""The refunds and payouts that a line of a statement may be, and the decisions that must wait for it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.commands.shown_payouts import belongs_to, waits_for
from mpesa_service.domain.commands import NOT_PAID
from mpesa_service.models import Discrepancy, DiscrepancyCandidate, Payout, Refund
from mpesa_service.models.open_discrepancies import is_open

NAMED = 5
"""More candidates than these are only counted in a sentence."""


@dataclass(frozen=True)
class Candidate:
    """A refund or payout that is not paid. `parent_id` is its payment or batch."""

    id: str
    kind: str
    status: str
    parent_id: str


def candidates_of(session: Session, discrepancy_ids: Sequence[str]) -> Mapping[str, tuple[Candidate, ...]]:
    """Return the candidates of discrepancies, by the discrepancy's id. The likeliest ones are in review."""
    found: dict[str, list[Candidate]] = defaultdict(list)
    for kind, table, parent in (
        ("refund", Refund, Refund.payment_id),
        ("payout", Payout, Payout.batch_id),
    ):
        statement = (
            select(DiscrepancyCandidate.discrepancy_id, table.id, table.status, parent)
            .join(table, table.id == DiscrepancyCandidate.resource_id)
            .where(DiscrepancyCandidate.discrepancy_id.in_(discrepancy_ids), table.status.in_(NOT_PAID))
            .order_by(table.id)
        )
        for discrepancy_id, id_, status, parent_id in session.execute(statement):
            public = "pending" if status == "submitting" else str(status)
            found[discrepancy_id].append(Candidate(id_, kind, public, parent_id))
    return {one: tuple(candidates) for one, candidates in found.items()}


def named(candidates: Sequence[Candidate]) -> str:
    """Return candidates as the end of a sentence."""
    words = [f"{one.kind} {one.id} ({one.status})" for one in candidates[:NAMED]]
    if len(candidates) > NAMED:
        words.append(f"{len(candidates) - NAMED} more")
    return " or ".join(words)


def refuse_to_fail(session: Session, ids: Sequence[str]) -> None:
    """Raise Conflict if a statement shows a payout that may be one of these refunds or payouts.

    A person says first whose money it is: one that failed may be sent again.
    """
    statement = (
        select(Discrepancy, DiscrepancyCandidate.resource_id)
        .join(DiscrepancyCandidate, DiscrepancyCandidate.discrepancy_id == Discrepancy.id)
        .where(DiscrepancyCandidate.resource_id.in_(ids), is_open())
        .order_by(Discrepancy.id)
        .limit(1)
    )
    for found, resource_id in session.execute(statement):
        raise waits_for(found, resource_id, belongs_to(session, found, resource_id))
