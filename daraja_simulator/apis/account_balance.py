"""Account balance: what the shop's accounts hold (portal: Account Balance)."""

from daraja_simulator import balances
from daraja_simulator.apis.commands import Form, accepted, terms
from daraja_simulator.commands import planned
from daraja_simulator.gate import Api, Call, invalid_token_401
from daraja_simulator.outcomes import PAID
from daraja_simulator.records import BALANCE, Command
from daraja_simulator.wire import Json

_FORM = Form(commands=("AccountBalance",), identifiers={"IdentifierType": "4"})


def query(call: Call) -> Json:
    """Accept the question; the result follows after balance_after seconds."""
    asked = Command(kind=BALANCE, **terms(call, _FORM, planned(call.plan, PAID, "pay")))
    return accepted(call.world, balances.TRADE, asked)


APIS = (Api("account_balance", "/mpesa/accountbalance/v1/query", query, invalid_token_401),)
