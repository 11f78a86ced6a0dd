"""The result of a transaction status query: the state of the ledger at that time.

Formats: the portal's Transaction Status page. The envelope has the ids of the query, and its TransactionID
is a placeholder. The parameters are about the transaction. As in the portal's sample, DebitPartyName occurs
twice. Amount is a text, and TransactionReason and Occasion have no Value. A script's outcome is the outcome
of the query, except for `pending` and `hold`: these report that the transaction has not ended yet.

An unknown id ends in 2032 without parameters. This was observed once on the sandbox for a receipt, and is
an assumption for a conversation id.
"""

from dataclasses import replace

from daraja_simulator.commands import CommandType, reference_data, result_parameters
from daraja_simulator.money import Money
from daraja_simulator.outcomes import STATUS_TEXTS, UNKNOWN_RECEIPT, ResultCode, outcome_named
from daraja_simulator.records import StatusQuery
from daraja_simulator.state import SimulatorState
from daraja_simulator.transactions import INITIATED, Transaction, find
from daraja_simulator.wire import Json, compact_time, two_decimals


def _execute(state: SimulatorState, query: StatusQuery) -> ResultCode:
    return 0 if _found(state, query) is not None else UNKNOWN_RECEIPT


def _found(state: SimulatorState, query: StatusQuery) -> Transaction | None:
    return find(state, query.queried_receipt, query.original_conversation_id)


def _details(state: SimulatorState, query: StatusQuery) -> Json:
    found = _found(state, query) if query.result_code == 0 else None
    parameters = _parameters(_as_reported(query, found)) if found is not None else {}
    return parameters | reference_data({"Key": "Occasion"})


def _as_reported(query: StatusQuery, found: Transaction) -> Transaction:
    script = query.plan.script
    if script is None:
        return found
    if script.amount_in_callback is not None:
        found = replace(found, amount=script.amount_in_callback)
    if script.outcome is not None and outcome_named(script.outcome).hold:
        return replace(found, status=INITIATED, finalised_at=None, receipt=None)
    return found


def _amount(amount: Money | float) -> str:
    """Return 5 or 100.50."""
    return str(amount) if isinstance(amount, int) else two_decimals(amount)


def _parameters(transaction: Transaction) -> Json:
    parameters = result_parameters(
        {
            "DebitPartyName": transaction.debit_party,
            "CreditPartyName": transaction.credit_party or None,
            "OriginatorConversationID": transaction.originator_conversation_id,
            "InitiatedTime": int(compact_time(transaction.initiated_at)),
            "DebitAccountType": transaction.debit_account,
            "DebitPartyCharges": transaction.charges,
            "TransactionReason": None,
            "ReasonType": transaction.reason_type,
            "TransactionStatus": transaction.status,
            "FinalisedTime": int(compact_time(transaction.finalised_at))
            if transaction.finalised_at is not None
            else None,
            "Amount": _amount(transaction.amount),
            "ConversationID": transaction.conversation_id,
            "ReceiptNo": transaction.receipt,
        }
    )
    items = parameters["ResultParameters"]["ResultParameter"]
    items.insert(1, dict(items[0]))
    return parameters


COMMAND_TYPE = CommandType("status", lambda options: options.status_after, _execute, _details, STATUS_TEXTS)
