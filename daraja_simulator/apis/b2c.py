"""B2C and B2Pochi: money from the shop's utility account to a customer (portal: B2C, v1 and v3).

v3 takes the caller's OriginatorConversationID and refuses one that it has seen; v1 has no such
field and makes one, so that nothing can be resent safely. `Occassion` is the wire's own spelling.
B2Pochi pays a customer's Pochi la Biashara, and is v3 under another name and command.
"""

from collections.abc import Callable

from daraja_simulator import payouts
from daraja_simulator.apis.commands import Form, accepted, terms
from daraja_simulator.commands import planned
from daraja_simulator.fields import Fields
from daraja_simulator.gate import Api, Call, invalid_token_401
from daraja_simulator.outcomes import B2C_TEXTS, chosen
from daraja_simulator.records import B2C, POCHI, Payout
from daraja_simulator.wire import Json

_COMMANDS = ("SalaryPayment", "BusinessPayment", "PromotionPayment")
_POCHI_COMMANDS = ("BusinessPayToPochi",)


def _request(kind: str, commands: tuple[str, ...], *, own_id: bool) -> Callable[[Call], Json]:
    """Return what accepts a payout, under the caller's id or under one made here."""
    form = Form(commands, initiator="InitiatorName", remarks_least=2, occasion="Occassion")

    def request(call: Call) -> Json:
        fields = Fields(call.body)
        originator_id = fields.text("OriginatorConversationID", 128) if own_id else None
        amount, msisdn = fields.amount(), fields.msisdn("PartyB")
        outcome = planned(call.plan, chosen(msisdn, amount, B2C_TEXTS), call.world.options.b2c_auto)
        common = terms(call, form, outcome, originator_id)
        payout = Payout(kind=kind, party_b=msisdn, amount=amount, **common)
        return accepted(call.world, payouts.TRADE, payout)

    return request


def _api(operation: str, path: str, handler: Callable[[Call], Json]) -> Api:
    return Api(operation, f"/mpesa/{path}/paymentrequest", handler, invalid_token_401)


APIS = (
    _api("b2c", "b2c/v1", _request(B2C, _COMMANDS, own_id=False)),
    _api("b2c", "b2c/v3", _request(B2C, _COMMANDS, own_id=True)),
    _api("b2pochi", "b2pochi/v1", _request(POCHI, _POCHI_COMMANDS, own_id=True)),
)
