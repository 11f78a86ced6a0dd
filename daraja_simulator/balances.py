"""The result of an account balance query: the balances of the shop's accounts.

Source: the portal's Account Balance page. In its sample, ResultType, ResultCode and BOCompletedTime are
texts. One text contains all accounts. An account is its name, its currency and four amounts. Documents
differ on the meaning of the amounts; here they are current, available, reserved and uncleared.
"""

from daraja_simulator.commands import TIMEOUT_ITEM, CommandType, reference_data, result_parameters
from daraja_simulator.ledger import ACCOUNTS
from daraja_simulator.outcomes import STATUS_TEXTS, ResultCode
from daraja_simulator.records import Command
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json, account_text, compact_time


def _execute(_world: SimulatorState, _query: Command) -> ResultCode:
    return 0


def _details(state: SimulatorState, query: Command) -> Json:
    return (_parameters(state) if query.result_code == 0 else {}) | reference_data(TIMEOUT_ITEM)


def _parameters(state: SimulatorState) -> Json:
    accounts = state.ledger.accounts
    return result_parameters(
        {
            "AccountBalance": "&".join(account_text(name, accounts[key]) for key, name in ACCOUNTS.items()),
            "BOCompletedTime": compact_time(state.now()),
        }
    )


COMMAND_TYPE = CommandType(
    "balance",
    lambda options: options.balance_after,
    _execute,
    _details,
    STATUS_TEXTS,
    codes_are_texts=lambda _code: True,
)
