"""Transaction status: the outcome of a payment or a command (portal: Transaction Status).

The query has a TransactionID (an M-Pesa receipt) or an OriginalConversationID, and its result goes to
ResultURL. The field is spelled `Occasion` here, and the initiator's field is `Initiator`. The only valid
identifier type is 4, a shortcode. It is unknown what Daraja does with both ids or none. The simulator
refuses such a request, so that an error shows during development.
"""

from dataclasses import replace

from daraja_simulator import statuses
from daraja_simulator.apis.commands import RequestFormat, common_fields, enqueue
from daraja_simulator.commands import choose_outcome
from daraja_simulator.errors import invalid_field
from daraja_simulator.fields import Fields
from daraja_simulator.outcomes import PAID
from daraja_simulator.records import STATUS, StatusQuery
from daraja_simulator.request_pipeline import Api, Call, invalid_token_400
from daraja_simulator.wire import Json

_FORMAT = RequestFormat(commands=("TransactionStatusQuery",), identifiers={"IdentifierType": "4"})


def query(call: Call) -> Json:
    """Accept the query. The result follows after status_after seconds."""
    fields = Fields(call.body)
    original_id = fields.optional("OriginalConversationID", 128)
    receipt = fields.optional("TransactionID", 128)
    if bool(receipt) is bool(original_id):
        name = "OriginalConversationID" if receipt else "TransactionID"
        limit = "the query must have either a TransactionID or an OriginalConversationID"
        raise invalid_field(name, call.body.get(name), limit)
    outcome = replace(choose_outcome(call.plan, PAID, "pay"), hold=False)
    common = common_fields(call, _FORMAT, outcome)
    command = StatusQuery(
        kind=STATUS, queried_receipt=receipt, original_conversation_id=original_id, **common
    )
    return enqueue(call.state, statuses.COMMAND_TYPE, command)


APIS = (Api("transaction_status", "/mpesa/transactionstatus/v1/query", query, invalid_token_400),)
