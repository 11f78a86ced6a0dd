"""Transactions that failed, as entries that moved no money.

A statement can show them with the status Failed. Daraja gives a prompt that failed no receipt, so the
simulator derives one from the prompt's id.
"""

import hashlib
from datetime import datetime

from daraja_simulator import ids
from daraja_simulator.ledger import UTILITY, Cause, Entry
from daraja_simulator.records import B2B, C2B, FAILED, REJECTED, STK, Payout, Reversal
from daraja_simulator.state import SimulatorState

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def failed_entries(state: SimulatorState) -> list[Entry]:
    """Return an entry for each payment, payout and reversal that failed, the oldest first."""
    found = [*_of_prompts(state), *_of_payments(state), *_of_commands(state)]
    return sorted(found, key=lambda entry: entry.cause.at)


def _of_prompts(state: SimulatorState) -> list[Entry]:
    return [
        Entry(
            Cause(
                STK,
                prompt.closed_at,
                {"msisdn": prompt.push.payer, "accountReference": prompt.push.account_reference},
                prompt.push.receiver,
                "till" if prompt.push.to_till else "paybill",
                prompt.opened_at,
            ),
            _receipt(prompt.checkout_request_id, prompt.closed_at),
            UTILITY,
            prompt.push.amount,
            0,
        )
        for prompt in state.prompts.values()
        if prompt.state == FAILED and prompt.closed_at is not None
    ]


def _of_payments(state: SimulatorState) -> list[Entry]:
    return [
        Entry(
            Cause(
                C2B,
                payment.closed_at,
                {
                    "msisdn": payment.transaction.msisdn,
                    "billRefNumber": payment.transaction.bill_ref_number,
                },
                payment.transaction.shortcode,
                "till" if payment.transaction.till else "paybill",
                payment.transaction.at,
            ),
            payment.transaction.trans_id,
            UTILITY,
            payment.transaction.amount,
            0,
        )
        for payment in state.c2b.values()
        if payment.state == REJECTED and payment.closed_at is not None
    ]


def _of_commands(state: SimulatorState) -> list[Entry]:
    found = []
    for command in state.commands.values():
        if command.state != FAILED or command.closed_at is None:
            continue
        if isinstance(command, Payout):
            refs = {"partyB": command.party_b} if command.kind == B2B else {"msisdn": command.party_b}
            refs["accountReference"] = command.account_reference
        elif isinstance(command, Reversal):
            refs = {"msisdn": command.payer, "originalReceipt": command.original_receipt}
        else:
            continue
        cause = Cause(
            command.kind,
            command.closed_at,
            refs,
            command.shortcode,
            command.command_id,
            command.accepted_at,
        )
        receipt = _receipt(command.conversation_id, command.closed_at)
        found.append(Entry(cause, receipt, UTILITY, -command.amount, 0))
    return found


def _receipt(key: str, at: datetime) -> str:
    digest = hashlib.sha256(key.encode()).digest()
    return ids.receipt_prefix(at) + "".join(_ALPHABET[byte % 36] for byte in digest[:7])
