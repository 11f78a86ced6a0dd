"""B2B: money from the shop to another pay bill or till (portal: Business Pay Bill, Business Buy Goods).

Both identifier types are 4, also for tills. The simulator implements two of the commands and refuses the
others. The caller cannot give an id, so a request cannot be repeated safely. The error for an invalid
token is not documented; the simulator uses that of STK push.
"""

from daraja_simulator import transfers
from daraja_simulator.apis.commands import RequestFormat, common_fields, enqueue
from daraja_simulator.commands import choose_outcome
from daraja_simulator.fields import Fields
from daraja_simulator.outcomes import B2C_TEXTS, outcome_for
from daraja_simulator.records import B2B, Payout
from daraja_simulator.request_pipeline import Api, Call, invalid_token_404
from daraja_simulator.wire import Json

_PAY_BILL, _BUY_GOODS = "BusinessPayBill", "BusinessBuyGoods"
_FORMAT = RequestFormat(
    commands=(_PAY_BILL, _BUY_GOODS),
    identifiers={"SenderIdentifierType": "4", "RecieverIdentifierType": "4"},
    occasion="Occassion",
)
_LONGEST_REFERENCE = 13


def request(call: Call) -> Json:
    """Accept a payment. Only a payment to a pay bill needs an AccountReference."""
    fields = Fields(call.body)
    amount, party_b = fields.amount(), fields.shortcode("PartyB")
    read = fields.text if call.body.get("CommandID") == _PAY_BILL else fields.optional
    reference = read("AccountReference", _LONGEST_REFERENCE)
    requester = fields.msisdn("Requester") if call.body.get("Requester") else ""
    outcome = choose_outcome(call.plan, outcome_for(party_b, amount, B2C_TEXTS), call.state.options.b2c_auto)
    payout = Payout(
        kind=B2B,
        party_b=party_b,
        amount=amount,
        account_reference=reference,
        requester=requester,
        **common_fields(call, _FORMAT, outcome),
    )
    return enqueue(call.state, transfers.COMMAND_TYPE, payout)


APIS = (Api("b2b", "/mpesa/b2b/v1/paymentrequest", request, invalid_token_404),)
