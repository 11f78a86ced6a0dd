"""The answer to a transaction status query: what the ledger says at that moment.

Shapes from the portal's Transaction Status page: the envelope's ids are the query's and its
TransactionID is a placeholder, the parameters are about the transaction, Amount is a text, and
TransactionReason and Occasion have no Value. What a script's outcome says is about the query, but
for `pending` or `hold`, which say that nothing has happened yet.

An id that nobody knows ends in 2032 without parameters: seen once on the sandbox for a receipt, and
assumed for a conversation.
"""

from dataclasses import replace

from daraja_simulator.commands import Trade, listed, referring
from daraja_simulator.outcomes import STATUS_TEXTS, UNKNOWN_RECEIPT, ResultCode, named
from daraja_simulator.records import StatusQuery
from daraja_simulator.transactions import INITIATED, Transaction, find
from daraja_simulator.wire import Json, stamp
from daraja_simulator.world import World


def _look(world: World, query: StatusQuery) -> ResultCode:
    return 0 if _found(world, query) is not None else UNKNOWN_RECEIPT


def _found(world: World, query: StatusQuery) -> Transaction | None:
    return find(world, query.asked_receipt, query.original_conversation_id)


def _details(world: World, query: StatusQuery) -> Json:
    found = _found(world, query) if query.result_code == 0 else None
    told = _parameters(_as_told(query, found)) if found is not None else {}
    return told | referring({"Key": "Occasion"})


def _as_told(query: StatusQuery, found: Transaction) -> Transaction:
    script = query.plan.script
    if script is None:
        return found
    if script.amount_in_callback is not None:
        found = replace(found, amount=script.amount_in_callback)
    if script.outcome is not None and named(script.outcome).hold:
        return replace(found, status=INITIATED, finalised_at=None, receipt=None)
    return found


def _parameters(told: Transaction) -> Json:
    return listed(
        {
            "DebitPartyName": told.debit_party,
            "CreditPartyName": told.credit_party or None,
            "OriginatorConversationID": told.originator_conversation_id,
            "InitiatedTime": int(stamp(told.initiated_at)),
            "DebitAccountType": told.debit_account,
            "DebitPartyCharges": told.charges,
            "TransactionReason": None,
            "ReasonType": told.reason_type,
            "TransactionStatus": told.status,
            "FinalisedTime": int(stamp(told.finalised_at)) if told.finalised_at is not None else None,
            "Amount": str(told.amount),
            "ConversationID": told.conversation_id,
            "ReceiptNo": told.receipt,
        }
    )


TRADE = Trade("status", lambda options: options.status_after, _look, _details, STATUS_TEXTS)
