"""Decisions of operators as actions of the outflow policy: what is approved of them, exactly."""

from typing import Any

from mpesa_service.domain.outflow import OutflowKind
from mpesa_service.domain.payout_batches import is_same_actor
from mpesa_service.models import Payout
from mpesa_service.outflow.actions import Action
from mpesa_service.outflow.records import ApprovalRecord
from mpesa_service.review.payments import OperatorDecision, Resolution


def payout_action(row: Payout, decision: OperatorDecision, maker: str) -> Action:
    """Return the action of deciding about a payout in review. What failed may be paid again."""
    return Action(
        OutflowKind.RESOLVE_PAYOUT,
        maker,
        row.id,
        row.amount,
        parameters=_parameters(decision),
        payees={row.party_hash: row.amount},
        payee="the payee of the payout",
        reason=decision.reason.strip(),
        own=is_same_actor(row.requested_by, maker),
    )


def approved_decision(record: ApprovalRecord) -> OperatorDecision:
    """Return the decision that an approval is about."""
    given = record.parameters
    return OperatorDecision(
        Resolution(given["action"]), record.reason or "", given["receipt"], given.get("amount")
    )


def _parameters(decision: OperatorDecision) -> dict[str, Any]:
    exact = {"action": decision.action.value, "receipt": decision.receipt, "amount": decision.amount}
    return {**exact, "method": f"{decision.action} {decision.receipt} {decision.amount}"}
