"""Which trade a command belongs to, for whoever holds only the command."""

from typing import Any

from daraja_simulator import balances, payouts, reversals, statuses, transfers
from daraja_simulator.commands import Trade
from daraja_simulator.records import B2B, B2C, BALANCE, POCHI, REVERSAL, STATUS, Command

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
