"""Decisions of operators as actions of the outflow policy: what is approved of them, exactly."""

from collections.abc import Sequence
from typing import Any

from mpesa_service.core.encryption import Encryption
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.outflow import OutflowKind
from mpesa_service.domain.payout_batches import is_same_actor
from mpesa_service.models import Payment, Payout, Refund
from mpesa_service.outflow.actions import Action
from mpesa_service.outflow.records import ApprovalRecord
from mpesa_service.refunds.outflow import payee_of
from mpesa_service.refunds.stated_phone import Payer
from mpesa_service.review.decision import OperatorDecision, Resolution


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


def settle_action(
    encryption: Encryption, facts: PaymentFacts, decision: OperatorDecision, maker: str
) -> Action:
    """Return the action of settling a payment in review. Its money can then be refunded."""
    amount = facts.amount if decision.amount is None else decision.amount
    index, shown = payee_of(encryption, Payer.of_columns(facts.payment))
    return Action(
        OutflowKind.SETTLE_PAYMENT,
        maker,
        facts.id,
        amount,
        parameters=_parameters(decision),
        payees={index: amount} if index else {},
        payee=shown,
        order_id=facts.payment["order_id"],
        reason=decision.reason.strip(),
    )


def refunds_action(
    encryption: Encryption, payment: Payment, rows: Sequence[Refund], decision: OperatorDecision, maker: str
) -> Action:
    """Return the action of deciding about refunds in review. What failed can be paid again."""
    amount = sum(row.amount for row in rows)
    index, shown = payee_of(encryption, Payer.of(payment))
    parameters = _parameters(decision)
    ids = " ".join(sorted(row.id for row in rows))
    return Action(
        OutflowKind.RESOLVE_REFUND,
        maker,
        payment.id,
        amount,
        parameters={**parameters, "method": f"{parameters['method']} {ids}"},
        payees={index: amount} if index else {},
        payee=shown,
        order_id=payment.order_id,
        reason=decision.reason.strip(),
        own=any(is_same_actor(row.requested_by, maker) for row in rows),
    )


def move_action(facts: PaymentFacts, order_id: str | None, reason: str, maker: str) -> Action:
    """Return the action of moving a payment to an order, or back to unmatched money (None)."""
    return Action(
        OutflowKind.MOVE,
        maker,
        facts.id,
        facts.amount,
        parameters={"order": order_id, "method": f"from {facts.payment['order_id']}"},
        order_id=order_id,
        reason=reason.strip(),
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
