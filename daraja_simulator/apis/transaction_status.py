"""Transaction status: what became of a payment or a command (portal: Transaction Status).

Asked by TransactionID (an M-Pesa receipt) or by OriginalConversationID; the answer comes to
ResultURL. The portal's `Occasion` has one s here, and the initiator's field is `Initiator`. Of the
identifier types only 4, a shortcode, is taken. What Daraja does when both ids are given, or none,
is not known; here both are refused, so that a mistake shows in development.
"""

from dataclasses import replace

from daraja_simulator import statuses
from daraja_simulator.apis.commands import Form, accepted, terms
from daraja_simulator.commands import planned
from daraja_simulator.errors import invalid
from daraja_simulator.fields import Fields
from daraja_simulator.gate import Api, Call, invalid_token_400
from daraja_simulator.outcomes import PAID
from daraja_simulator.records import STATUS, StatusQuery
from daraja_simulator.wire import Json

_FORM = Form(commands=("TransactionStatusQuery",), identifiers={"IdentifierType": "4"})


def query(call: Call) -> Json:
    """Accept the question; the result follows after status_after seconds."""
    fields = Fields(call.body)
    original_id = fields.optional("OriginalConversationID", 128)
    receipt = fields.optional("TransactionID", 128)
    if bool(receipt) is bool(original_id):
        raise invalid("OriginalConversationID" if receipt else "TransactionID")
    outcome = replace(planned(call.plan, PAID, "pay"), hold=False)
    common = terms(call, _FORM, outcome)
    asked = StatusQuery(kind=STATUS, asked_receipt=receipt, original_conversation_id=original_id, **common)
    return accepted(call.world, statuses.TRADE, asked)


APIS = (Api("transaction_status", "/mpesa/transactionstatus/v1/query", query, invalid_token_400),)
