"""B2C and B2Pochi: money from the shop's utility account to a customer (portal: B2C, v1 and v3).

v3 has an OriginatorConversationID from the caller and refuses one that was used before. v1 has no such
field, so a request cannot be repeated safely. `Occassion` is Daraja's spelling. B2Pochi pays a customer's
Pochi la Biashara. It is v3 with another path and another CommandID.
"""

from collections.abc import Callable

from daraja_simulator import payouts
from daraja_simulator.apis.commands import RequestFormat, common_fields, enqueue
from daraja_simulator.commands import choose_outcome
from daraja_simulator.fields import Fields
from daraja_simulator.outcomes import B2C_TEXTS, outcome_for
from daraja_simulator.records import B2C, POCHI, Payout
from daraja_simulator.request_pipeline import Api, Call, invalid_token_401
from daraja_simulator.wire import Json

_COMMANDS = ("SalaryPayment", "BusinessPayment", "PromotionPayment")
_POCHI_COMMANDS = ("BusinessPayToPochi",)


def _request(kind: str, commands: tuple[str, ...], *, own_id: bool) -> Callable[[Call], Json]:
    """Return the handler of payouts, with the caller's id or a generated one."""
    form = RequestFormat(commands, initiator="InitiatorName", remarks_least=2, occasion="Occassion")

    def request(call: Call) -> Json:
        fields = Fields(call.body)
        originator_id = fields.text("OriginatorConversationID", 128) if own_id else None
        amount, msisdn = fields.amount(), fields.msisdn("PartyB")
        outcome = choose_outcome(
            call.plan, outcome_for(msisdn, amount, B2C_TEXTS), call.state.options.b2c_auto
        )
        common = common_fields(call, form, outcome, originator_id)
        payout = Payout(kind=kind, party_b=msisdn, amount=amount, **common)
        return enqueue(call.state, payouts.COMMAND_TYPE, payout)

    return request


def _api(operation: str, path: str, handler: Callable[[Call], Json]) -> Api:
    return Api(operation, f"/mpesa/{path}/paymentrequest", handler, invalid_token_401)


APIS = (
    _api("b2c", "b2c/v1", _request(B2C, _COMMANDS, own_id=False)),
    _api("b2c", "b2c/v3", _request(B2C, _COMMANDS, own_id=True)),
    _api("b2pochi", "b2pochi/v1", _request(POCHI, _POCHI_COMMANDS, own_id=True)),
)
