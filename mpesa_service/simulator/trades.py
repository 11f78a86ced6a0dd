"""Which trade a command belongs to, for whoever holds only the command."""

from typing import Any

from mpesa_service.simulator import balances, payouts, reversals, statuses
from mpesa_service.simulator.commands import Trade
from mpesa_service.simulator.records import B2C, BALANCE, REVERSAL, STATUS, Command

_TRADES: dict[str, Trade[Any]] = {
    B2C: payouts.TRADE,
    REVERSAL: reversals.TRADE,
    STATUS: statuses.TRADE,
    BALANCE: balances.TRADE,
}


def of(command: Command) -> Trade[Any]:
    """Return the trade of this command."""
    return _TRADES[command.kind]
