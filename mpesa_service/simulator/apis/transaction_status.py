"""Transaction status: what became of a payment or a payout (portal: Transaction Status).

Asked by TransactionID (an M-Pesa receipt) or by OriginalConversationID; the answer comes to
ResultURL. The portal's `Occasion` has one s here, and the initiator's field is `Initiator`. Of the
identifier types only 4, a shortcode, is taken. What Daraja does when both ids are given, or none,
is not known; here both are refused, so that a mistake shows in development.
"""

from mpesa_service.simulator import ids, statuses
from mpesa_service.simulator.apis.commands import accepted, check_initiator, own_shortcode
from mpesa_service.simulator.errors import invalid
from mpesa_service.simulator.fields import Fields
from mpesa_service.simulator.gate import Api, Call, invalid_token_400
from mpesa_service.simulator.records import StatusQuery
from mpesa_service.simulator.wire import Json

_SHORTCODE = "4"


def query(call: Call) -> Json:
    """Accept the question; the result follows after status_after seconds."""
    world, fields = call.world, Fields(call.body)
    initiator = fields.text("Initiator", 100)
    credential = fields.text("SecurityCredential", 2000)
    fields.choice("CommandID", ("TransactionStatusQuery",))
    original_id = fields.optional("OriginalConversationID", 128)
    receipt = fields.optional("TransactionID", 128)
    if bool(receipt) is bool(original_id):
        raise invalid("OriginalConversationID" if receipt else "TransactionID")
    own_shortcode(world, fields)
    if fields.text("IdentifierType", 1) != _SHORTCODE:
        raise invalid("IdentifierType")
    result_url = fields.url("ResultURL")
    fields.url("QueueTimeOutURL")
    fields.text("Remarks", 100)
    fields.optional("Occasion", 100)
    now = world.now()
    asked = StatusQuery(
        originator_conversation_id=ids.request_id(),
        conversation_id=ids.conversation_id(now),
        receipt=receipt,
        original_conversation_id=original_id,
        result_url=result_url,
        accepted_at=now,
        refusal=check_initiator(world, initiator, credential),
        plan=call.plan,
    )
    statuses.accept(world, asked)
    if asked.plan.has("callback_before_answer"):
        statuses.answer(world, asked)
    return accepted(asked.conversation_id, asked.originator_conversation_id)


APIS = (Api("transaction_status", "/mpesa/transactionstatus/v1/query", query, invalid_token_400),)
