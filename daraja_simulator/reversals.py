"""Reversal: the whole of a customer's payment is returned (portal: Transaction Reversal).

Only STK and C2B payments to the ReceiverParty can be reversed, and each only once. For every other
receipt, the result is R000002. A different amount than the original also ends in R000002: the portal
requires the original amount, and the result of a partial reversal is unknown. The shop's utility account
pays. If it has too little money, or with the fault `reversal_spent`, the result is 1.
"""

from daraja_simulator import sms
from daraja_simulator.commands import TIMEOUT_ITEM, CommandType, reference_data, result_parameters
from daraja_simulator.ledger import ACCOUNTS, ORGANIZATION, UTILITY, Cause
from daraja_simulator.outcomes import ALREADY_REVERSED, NOT_REVERSIBLE, REVERSAL_TEXTS, ResultCode
from daraja_simulator.records import Reversal
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json, account_text, compact_time


def _execute(state: SimulatorState, reversal: Reversal) -> ResultCode:
    ledger, amount = state.ledger, reversal.amount
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
    cause = Cause(
        reversal.kind, state.now(), refs, debit.cause.shortcode, debit.cause.command, reversal.accepted_at
    )
    reversal.receipt = ledger.reverse(debit, cause)
    sms.payment_reversed(ledger.customers[reversal.payer], reversal.receipt, amount, debit.receipt)
    return 0


def _details(state: SimulatorState, reversal: Reversal) -> Json:
    parameters = _parameters(state, reversal) if reversal.result_code == 0 else {}
    return parameters | reference_data(TIMEOUT_ITEM)


def _parameters(state: SimulatorState, reversal: Reversal) -> Json:
    return result_parameters(
        {
            "DebitAccountBalance": account_text(ACCOUNTS[UTILITY], state.ledger.accounts[UTILITY]),
            "Amount": float(reversal.plan.reported_amount(reversal.amount)),
            "TransCompletedTime": int(compact_time(state.now())),
            "OriginalTransactionID": reversal.original_receipt,
            "Charge": 0.0,
            "CreditPartyPublicName": state.display_name(reversal.payer),
            "DebitPartyPublicName": f"{reversal.shortcode} - {ORGANIZATION}",
        }
    )


COMMAND_TYPE = CommandType(
    "reversal", lambda options: options.reversal_after, _execute, _details, REVERSAL_TEXTS
)
