"""The type of each command."""

from typing import Any

from daraja_simulator import balances, payouts, reversals, statuses, transfers
from daraja_simulator.commands import CommandType
from daraja_simulator.records import B2B, B2C, BALANCE, POCHI, REVERSAL, STATUS, Command

_TYPES: dict[str, CommandType[Any]] = {
    B2C: payouts.COMMAND_TYPE,
    POCHI: payouts.COMMAND_TYPE,
    B2B: transfers.COMMAND_TYPE,
    REVERSAL: reversals.COMMAND_TYPE,
    STATUS: statuses.COMMAND_TYPE,
    BALANCE: balances.COMMAND_TYPE,
}


def type_of(command: Command) -> CommandType[Any]:
    """Return the type of this command."""
    return _TYPES[command.kind]
