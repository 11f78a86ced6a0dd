"""Reversal: a customer's payment goes back whole (portal: Transaction Reversal).

Only what a customer paid, by STK push or C2B, to the ReceiverParty can be reversed, and once; for
anything else the result is R000002. Another amount than the original's is R000002, too: the portal
asks for the original amount, and what a partial reversal comes to is not known. The shop's utility
account pays; when it is short, and when the fault `reversal_spent` says so, the result is 1.
"""

from daraja_simulator import sms
from daraja_simulator.commands import TIMEOUT_ITEM, Trade, listed, referring
from daraja_simulator.ledger import ACCOUNTS, ORGANISATION, UTILITY, Cause
from daraja_simulator.outcomes import ALREADY_REVERSED, NOT_REVERSIBLE, REVERSAL_TEXTS, ResultCode
from daraja_simulator.records import Reversal
from daraja_simulator.wire import Json, account, stamp
from daraja_simulator.world import World


def _give_back(world: World, reversal: Reversal) -> ResultCode:
    ledger, amount = world.ledger, reversal.amount
    debit = ledger.debit(reversal.original_receipt)
    if debit is None or debit.cause.refs["shortcode"] != reversal.shortcode:
        return NOT_REVERSIBLE
    if debit.receipt in ledger.reversed:
        return ALREADY_REVERSED
    if -debit.change != amount:
        return NOT_REVERSIBLE
    if reversal.plan.has("reversal_spent") or ledger.accounts[UTILITY] < amount:
        return 1
    reversal.payer = debit.holder
    refs = {
        "originalReceipt": debit.receipt,
        "originatorConversationId": reversal.originator_conversation_id,
        "conversationId": reversal.conversation_id,
    }
    reversal.receipt = ledger.reverse(debit, Cause(reversal.kind, world.now(), refs))
    sms.reversed_(ledger.customers[reversal.payer], reversal.receipt, amount, debit.receipt)
    return 0


def _details(world: World, reversal: Reversal) -> Json:
    told = _parameters(world, reversal) if reversal.result_code == 0 else {}
    return told | referring(TIMEOUT_ITEM)


def _parameters(world: World, reversal: Reversal) -> Json:
    return listed(
        {
            "DebitAccountBalance": account(ACCOUNTS[UTILITY], world.ledger.accounts[UTILITY]),
            "Amount": float(reversal.plan.amount_told(reversal.amount)),
            "TransCompletedTime": int(stamp(world.now())),
            "OriginalTransactionID": reversal.original_receipt,
            "Charge": 0.0,
            "CreditPartyPublicName": world.named(reversal.payer),
            "DebitPartyPublicName": f"{reversal.shortcode} - {ORGANISATION}",
        }
    )


TRADE = Trade("reversal", lambda options: options.reversal_after, _give_back, _details, REVERSAL_TEXTS)
