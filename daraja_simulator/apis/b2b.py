"""B2B: money from the shop to another pay bill or till (portal: Business Pay Bill, Business Buy Goods).

Both identifier types are 4, for tills as well. Commands other than these two are refused, although
the wire has more. The caller has no id of its own, so nothing can be resent safely. How an invalid
token is spelt here is not documented; it is taken to be STK's way.
"""

from daraja_simulator import transfers
from daraja_simulator.apis.commands import Form, accepted, terms
from daraja_simulator.commands import planned
from daraja_simulator.fields import Fields
from daraja_simulator.gate import Api, Call, invalid_token_404
from daraja_simulator.outcomes import B2C_TEXTS, chosen
from daraja_simulator.records import B2B, Payout
from daraja_simulator.wire import Json

_PAY_BILL, _BUY_GOODS = "BusinessPayBill", "BusinessBuyGoods"
_FORM = Form(
    commands=(_PAY_BILL, _BUY_GOODS),
    identifiers={"SenderIdentifierType": "4", "RecieverIdentifierType": "4"},
    occasion="Occassion",
)
_LONGEST_REFERENCE = 13


def request(call: Call) -> Json:
    """Accept a payment; only a pay bill's needs an AccountReference."""
    fields = Fields(call.body)
    amount, party_b = fields.amount(), fields.shortcode("PartyB")
    read = fields.text if call.body.get("CommandID") == _PAY_BILL else fields.optional
    reference = read("AccountReference", _LONGEST_REFERENCE)
    requester = fields.msisdn("Requester") if call.body.get("Requester") else ""
    outcome = planned(call.plan, chosen(party_b, amount, B2C_TEXTS), call.world.options.b2c_auto)
    payout = Payout(
        kind=B2B,
        party_b=party_b,
        amount=amount,
        account_reference=reference,
        requester=requester,
        **terms(call, _FORM, outcome),
    )
    return accepted(call.world, transfers.TRADE, payout)


APIS = (Api("b2b", "/mpesa/b2b/v1/paymentrequest", request, invalid_token_404),)
