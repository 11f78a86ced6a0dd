"""Account balance: what the shop's accounts hold (portal: Account Balance).

ResultType and ResultCode are texts in the portal's sample, and so is BOCompletedTime. All accounts
stand in one text; an account is name, currency, and four amounts whose meaning after the currency
differs between documents: here current, available, reserved, uncleared.
"""

from daraja_simulator.commands import TIMEOUT_ITEM, Trade, listed, referring
from daraja_simulator.ledger import ACCOUNTS
from daraja_simulator.outcomes import STATUS_TEXTS, ResultCode
from daraja_simulator.records import Command
from daraja_simulator.wire import Json, account, stamp
from daraja_simulator.world import World


def _look(_world: World, _query: Command) -> ResultCode:
    return 0


def _details(world: World, query: Command) -> Json:
    return (_parameters(world) if query.result_code == 0 else {}) | referring(TIMEOUT_ITEM)


def _parameters(world: World) -> Json:
    accounts = world.ledger.accounts
    return listed(
        {
            "AccountBalance": "&".join(account(name, accounts[key]) for key, name in ACCOUNTS.items()),
            "BOCompletedTime": stamp(world.now()),
        }
    )


TRADE = Trade(
    "balance",
    lambda options: options.balance_after,
    _look,
    _details,
    STATUS_TEXTS,
    quoted=lambda _code: True,
)
