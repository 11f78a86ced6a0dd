"""B2C: money from the shop's utility account to a customer (portal: B2C, v1 and v3).

v3 takes the caller's OriginatorConversationID and refuses one that it has seen; v1 has no such
field and makes one, so that nothing can be resent safely. `Occassion` is the wire's own spelling.
"""

from mpesa_service.simulator import ids, payouts
from mpesa_service.simulator.apis.commands import accepted, check_initiator, own_shortcode
from mpesa_service.simulator.fields import Fields
from mpesa_service.simulator.gate import Api, Call, invalid_token_401
from mpesa_service.simulator.records import Payout
from mpesa_service.simulator.wire import Json

_COMMANDS = ("SalaryPayment", "BusinessPayment", "PromotionPayment")


def request_v3(call: Call) -> Json:
    """Accept a payout under the caller's id."""
    return _accept(call, Fields(call.body).text("OriginatorConversationID", 128))


def request_v1(call: Call) -> Json:
    """Accept a payout under an id made here."""
    return _accept(call, ids.request_id())


def _accept(call: Call, originator_id: str) -> Json:
    world, fields = call.world, Fields(call.body)
    initiator = fields.text("InitiatorName", 100)
    credential = fields.text("SecurityCredential", 2000)
    fields.choice("CommandID", _COMMANDS)
    amount = fields.amount()
    shortcode = own_shortcode(world, fields)
    msisdn = fields.msisdn("PartyB")
    fields.text("Remarks", 100, 2)
    timeout_url, result_url = fields.url("QueueTimeOutURL"), fields.url("ResultURL")
    fields.optional("Occassion", 100)
    now = world.now()
    outcome = payouts.planned(world, msisdn, amount, call.plan)
    payout = Payout(
        payload=call.body,
        originator_conversation_id=originator_id,
        conversation_id=ids.conversation_id(now),
        shortcode=shortcode,
        msisdn=msisdn,
        amount=amount,
        result_url=result_url,
        timeout_url=timeout_url,
        accepted_at=now,
        refusal=check_initiator(world, initiator, credential),
        outcome=outcome,
        plan=call.plan.joined(outcome.faults),
    )
    payouts.accept(world, payout)
    if payout.plan.has("callback_before_answer"):
        payouts.act(world, payout)
    return accepted(payout.conversation_id, originator_id)


APIS = (
    Api("b2c", "/mpesa/b2c/v1/paymentrequest", request_v1, invalid_token_401),
    Api("b2c", "/mpesa/b2c/v3/paymentrequest", request_v3, invalid_token_401),
)
