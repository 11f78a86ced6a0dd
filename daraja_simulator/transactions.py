"""Finds a transaction by its receipt, or by the id of the conversation that it came from.

The words Declined, Expired, Initiated and Authorized are the portal's; when each of them is told,
and how accounts and reasons are called, is our choice. Expired is only told of a command that
queue_timeout ended: one that timed out otherwise may yet be carried out, and must not look final.
"""

from dataclasses import dataclass
from datetime import datetime

from daraja_simulator.ledger import ACCOUNTS, ORGANISATION, UTILITY
from daraja_simulator.records import (
    B2B,
    B2C,
    COMPLETED,
    FAILED,
    POCHI,
    QUEUED,
    REVERSAL,
    TIMED_OUT,
    C2bPayment,
    Command,
    Payout,
    Prompt,
    Reversal,
)
from daraja_simulator.world import World

INITIATED = "Initiated"
_WORDS = {QUEUED: INITIATED, COMPLETED: "Completed", FAILED: "Declined", TIMED_OUT: "Authorized"}
_NEVER = "Expired"
_REASONS = {
    B2C: ("Business Payment to Customer via API", "Fee For B2C Payment|KES|0.00"),
    POCHI: ("Business Payment to Pochi via API", "Fee For B2C Payment|KES|0.00"),
    B2B: ("Business to Business Payment via API", "Fee For B2B Payment|KES|0.00"),
    REVERSAL: ("Transaction Reversal via API", None),
}
_CUSTOMER_ACCOUNT = "MMF Account For Customer"


@dataclass(frozen=True, slots=True)
class Transaction:
    """What all transactions have in common, in the words of a status query's result."""

    status: str
    debit_party: str
    credit_party: str
    debit_account: str
    charges: str | None
    reason_type: str
    originator_conversation_id: str | None
    conversation_id: str | None
    initiated_at: datetime
    finalised_at: datetime | None
    amount: int | float
    receipt: str | None


def find(world: World, receipt: str, conversation_id: str) -> Transaction | None:
    """Return the transaction with this receipt, or else with this id (either of its two)."""
    for prompt in world.prompts.values():
        if receipt and receipt == prompt.receipt:
            return _of_prompt(world, prompt)
    for payment in world.c2b.values():
        told = payment.notice.trans_id if receipt else payment.originator_conversation_id
        if payment.state == COMPLETED and told == (receipt or conversation_id):
            return _of_payment(world, payment)
    for command in world.commands.values():
        if receipt and receipt != command.receipt:
            continue
        if receipt or conversation_id in (command.originator_conversation_id, command.conversation_id):
            return _of_command(world, command)
    return None


def _of_prompt(world: World, prompt: Prompt) -> Transaction:
    """A prompt that has a receipt was paid."""
    return Transaction(
        status="Completed",
        debit_party=world.named(prompt.push.payer),
        credit_party=f"{prompt.push.party_b} - {ORGANISATION}",
        debit_account=_CUSTOMER_ACCOUNT,
        charges=None,
        reason_type="Buy Goods Online" if prompt.push.to_till else "Pay Bill Online",
        originator_conversation_id=prompt.merchant_request_id,
        conversation_id=None,
        initiated_at=prompt.opened_at,
        finalised_at=prompt.closed_at,
        amount=prompt.push.amount,
        receipt=prompt.receipt,
    )


def _of_payment(world: World, payment: C2bPayment) -> Transaction:
    notice = payment.notice
    return Transaction(
        status="Completed",
        debit_party=world.named(notice.msisdn),
        credit_party=f"{notice.shortcode} - {ORGANISATION}",
        debit_account=_CUSTOMER_ACCOUNT,
        charges=None,
        reason_type=notice.transaction_type,
        originator_conversation_id=payment.originator_conversation_id,
        conversation_id=None,
        initiated_at=notice.at,
        finalised_at=payment.closed_at,
        amount=notice.amount,
        receipt=notice.trans_id,
    )


def _of_command(world: World, command: Command) -> Transaction | None:
    """Return None of a command that moves no money."""
    if not isinstance(command, Payout | Reversal):
        return None
    reason, charges = _REASONS[command.kind]
    ended = command.plan.has("queue_timeout") and not command.plan.has("late_success")
    never = command.state == TIMED_OUT and ended
    return Transaction(
        status=_NEVER if never else _WORDS[command.state],
        debit_party=f"{command.shortcode} - {ORGANISATION}",
        credit_party=world.named(command.payer if isinstance(command, Reversal) else command.party_b),
        debit_account=ACCOUNTS[UTILITY],
        charges=charges,
        reason_type=reason,
        originator_conversation_id=command.originator_conversation_id,
        conversation_id=command.conversation_id,
        initiated_at=command.accepted_at,
        finalised_at=command.closed_at,
        amount=command.amount,
        receipt=command.receipt,
    )
