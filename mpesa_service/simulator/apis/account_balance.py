"""Account balance: what the shop's accounts hold (portal: Account Balance)."""

from mpesa_service.simulator import balances
from mpesa_service.simulator.apis.commands import Form, accepted, terms
from mpesa_service.simulator.commands import planned
from mpesa_service.simulator.gate import Api, Call, invalid_token_401
from mpesa_service.simulator.outcomes import PAID
from mpesa_service.simulator.records import BALANCE, Command
from mpesa_service.simulator.wire import Json

_FORM = Form(commands=("AccountBalance",), identifiers={"IdentifierType": "4"})


def query(call: Call) -> Json:
    """Accept the question; the result follows after balance_after seconds."""
    asked = Command(kind=BALANCE, **terms(call, _FORM, planned(call.plan, PAID, "pay")))
    return accepted(call.world, balances.TRADE, asked)


APIS = (Api("account_balance", "/mpesa/accountbalance/v1/query", query, invalid_token_401),)
