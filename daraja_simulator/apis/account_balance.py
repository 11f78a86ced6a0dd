"""Account balance: the balances of the shop's accounts (portal: Account Balance)."""

from daraja_simulator import balances
from daraja_simulator.apis.commands import RequestFormat, common_fields, enqueue
from daraja_simulator.commands import choose_outcome
from daraja_simulator.outcomes import PAID
from daraja_simulator.records import BALANCE, Command
from daraja_simulator.request_pipeline import Api, Call, invalid_token_401
from daraja_simulator.wire import Json

_FORMAT = RequestFormat(commands=("AccountBalance",), identifiers={"IdentifierType": "4"})


def query(call: Call) -> Json:
    """Accept the query. The result follows after balance_after seconds."""
    command = Command(kind=BALANCE, **common_fields(call, _FORMAT, choose_outcome(call.plan, PAID, "pay")))
    return enqueue(call.state, balances.COMMAND_TYPE, command)


APIS = (Api("account_balance", "/mpesa/accountbalance/v1/query", query, invalid_token_401),)
