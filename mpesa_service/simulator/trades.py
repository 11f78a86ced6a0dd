"""Which trade a command belongs to, for whoever holds only the command."""

from typing import Any

from mpesa_service.simulator import balances, payouts, reversals, statuses, transfers
from mpesa_service.simulator.commands import Trade
from mpesa_service.simulator.records import B2B, B2C, BALANCE, POCHI, REVERSAL, STATUS, Command

_TRADES: dict[str, Trade[Any]] = {
    B2C: payouts.TRADE,
    POCHI: payouts.TRADE,
    B2B: transfers.TRADE,
    REVERSAL: reversals.TRADE,
    STATUS: statuses.TRADE,
    BALANCE: balances.TRADE,
}


def of(command: Command) -> Trade[Any]:
    """Return the trade of this command."""
    return _TRADES[command.kind]
