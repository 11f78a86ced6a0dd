"""B2C: money from the shop's utility account to a customer (portal: B2C, v1 and v3).

v3 takes the caller's OriginatorConversationID and refuses one that it has seen; v1 has no such
field and makes one, so that nothing can be resent safely. `Occassion` is the wire's own spelling.
"""

from mpesa_service.simulator import payouts
from mpesa_service.simulator.apis.commands import Form, accepted, terms
from mpesa_service.simulator.commands import planned
from mpesa_service.simulator.fields import Fields
from mpesa_service.simulator.gate import Api, Call, invalid_token_401
from mpesa_service.simulator.outcomes import B2C_TEXTS, chosen
from mpesa_service.simulator.records import B2C, Payout
from mpesa_service.simulator.wire import Json

_FORM = Form(
    commands=("SalaryPayment", "BusinessPayment", "PromotionPayment"),
    initiator="InitiatorName",
    remarks_least=2,
    occasion="Occassion",
)


def request_v3(call: Call) -> Json:
    """Accept a payout under the caller's id."""
    return _accept(call, Fields(call.body).text("OriginatorConversationID", 128))


def request_v1(call: Call) -> Json:
    """Accept a payout under an id made here."""
    return _accept(call)


def _accept(call: Call, originator_id: str | None = None) -> Json:
    fields = Fields(call.body)
    amount, msisdn = fields.amount(), fields.msisdn("PartyB")
    outcome = planned(call.plan, chosen(msisdn, amount, B2C_TEXTS), call.world.options.b2c_auto)
    common = terms(call, _FORM, outcome, originator_id)
    payout = Payout(kind=B2C, party_b=msisdn, amount=amount, **common)
    return accepted(call.world, payouts.TRADE, payout)


APIS = (
    Api("b2c", "/mpesa/b2c/v1/paymentrequest", request_v1, invalid_token_401),
    Api("b2c", "/mpesa/b2c/v3/paymentrequest", request_v3, invalid_token_401),
)
