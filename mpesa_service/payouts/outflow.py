"""A payout batch as an action of the outflow policy, and the approval that it waits for."""

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mpesa_service.domain.counting import counted
from mpesa_service.domain.outflow import OutflowKind
from mpesa_service.models import Approval, Payout, PayoutBatch
from mpesa_service.outflow.actions import Action


def batch_action(
    batch_id: str, maker: str, amount: int, payees: Mapping[str, int], description: str = ""
) -> Action:
    """Return the action of paying a batch; `payees` maps the blind index of each party to its sum."""
    return Action(
        OutflowKind.PAYOUT,
        maker,
        batch_id,
        amount,
        payees=payees,
        payee=counted(len(payees), "payee"),
        reason=description or None,
    )


def stored_action(session: Session, batch: PayoutBatch) -> Action:
    """Return the action of a stored batch."""
    sums = select(Payout.party_hash, func.sum(Payout.amount)).where(Payout.batch_id == batch.id)
    payees = {party: int(total) for party, total in session.execute(sums.group_by(Payout.party_hash))}
    return batch_action(batch.id, batch.created_by, batch.total_amount, payees, batch.description)


def approval_of(session: Session, batch: PayoutBatch) -> Approval | None:
    """Return the approval of a batch. Batches that waited before step 0026 have none."""
    if not batch.needs_approval:
        return None
    return session.scalars(select(Approval).where(Approval.subject_id == batch.id)).one_or_none()
