"""Finds a transaction by its receipt or its conversation id.

The portal defines the words Declined, Expired, Initiated and Authorized, but not when Daraja uses each.
This use, and the names of accounts and reasons, are the simulator's choice. Only a command that the fault
queue_timeout ended is Expired. Other commands that timed out can still be executed, so their status is not
final.
"""

from dataclasses import dataclass
from datetime import datetime

from daraja_simulator.ledger import ACCOUNTS, ORGANIZATION, SWEEP, UTILITY, Entry
from daraja_simulator.money import Money
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
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import two_decimals
from daraja_simulator.wording import wording_of

INITIATED = "Initiated"
_STATUSES = {QUEUED: INITIATED, COMPLETED: "Completed", FAILED: "Declined", TIMED_OUT: "Authorized"}
_EXPIRED = "Expired"
_REASONS = {
    B2C: ("Business Payment to Customer via API", "Fee For B2C Payment"),
    POCHI: ("Business Payment to Pochi via API", "Fee For B2C Payment"),
    B2B: ("Business to Business Payment via API", "Fee For B2B Payment"),
    REVERSAL: ("Transaction Reversal via API", None),
}
_CUSTOMER_ACCOUNT = "MMF Account For Customer"


@dataclass(frozen=True, slots=True)
class Transaction:
    """The data of a transaction in the result of a status query."""

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
    amount: Money | float
    receipt: str | None


def find(state: SimulatorState, receipt: str, conversation_id: str) -> Transaction | None:
    """Return the transaction with this receipt, or with this id (either of its two ids)."""
    for prompt in state.prompts.values():
        if receipt and receipt == prompt.receipt:
            return _of_prompt(state, prompt)
    for payment in state.c2b.values():
        known_id = payment.transaction.trans_id if receipt else payment.originator_conversation_id
        if payment.state == COMPLETED and known_id == (receipt or conversation_id):
            return _of_payment(state, payment)
    for command in state.commands.values():
        if receipt and receipt != command.receipt:
            continue
        if receipt or conversation_id in (command.originator_conversation_id, command.conversation_id):
            return _of_command(state, command)
    entry = state.ledger.own_entries.get(receipt)
    return None if entry is None else _of_entry(state, entry)


def _of_prompt(state: SimulatorState, prompt: Prompt) -> Transaction:
    """Return the transaction of a paid prompt."""
    return Transaction(
        status="Completed",
        debit_party=state.display_name(prompt.push.payer),
        credit_party=f"{prompt.push.party_b} - {ORGANIZATION}",
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


def _of_payment(state: SimulatorState, payment: C2bPayment) -> Transaction:
    transaction = payment.transaction
    return Transaction(
        status="Completed",
        debit_party=state.display_name(transaction.msisdn),
        credit_party=f"{transaction.shortcode} - {ORGANIZATION}",
        debit_account=_CUSTOMER_ACCOUNT,
        charges=None,
        reason_type=transaction.transaction_type,
        originator_conversation_id=payment.originator_conversation_id,
        conversation_id=None,
        initiated_at=transaction.at,
        finalised_at=payment.closed_at,
        amount=transaction.amount,
        receipt=transaction.trans_id,
    )


def _of_entry(state: SimulatorState, entry: Entry) -> Transaction:
    """Return the transaction of a sweep, a withdrawal, or a charge with its own receipt."""
    cause = entry.cause
    own = f"{cause.shortcode or state.options.shortcode} - {ORGANIZATION}"
    wording = wording_of(entry)
    return Transaction(
        status="Completed",
        debit_party=own,
        credit_party=own if cause.kind == SWEEP else wording.party,
        debit_account=ACCOUNTS[entry.holder],
        charges=None,
        reason_type=wording.reason_type,
        originator_conversation_id=None,
        conversation_id=None,
        initiated_at=cause.initiated_at or cause.at,
        finalised_at=cause.at,
        amount=-entry.change,
        receipt=entry.receipt,
    )


def _of_command(state: SimulatorState, command: Command) -> Transaction | None:
    """Return the transaction of a command, or None if the command moves no money."""
    if not isinstance(command, Payout | Reversal):
        return None
    reason, fee = _REASONS[command.kind]
    charge = state.ledger.charges.get(command.receipt or "", 0)
    ended = command.plan.has("queue_timeout") and not command.plan.has("late_success")
    expired = command.state == TIMED_OUT and ended
    return Transaction(
        status=_EXPIRED if expired else _STATUSES[command.state],
        debit_party=f"{command.shortcode} - {ORGANIZATION}",
        credit_party=state.display_name(command.payer if isinstance(command, Reversal) else command.party_b),
        debit_account=ACCOUNTS[UTILITY],
        charges=f"{fee}|KES|{two_decimals(charge)}" if fee else None,
        reason_type=reason,
        originator_conversation_id=command.originator_conversation_id,
        conversation_id=command.conversation_id,
        initiated_at=command.accepted_at,
        finalised_at=command.closed_at,
        amount=command.amount,
        receipt=command.receipt,
    )
