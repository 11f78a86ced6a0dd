"""Sweeps: the shop moves money between its own accounts, or to its bank.

The portal's names of the steps: utility account to Organization Settlement Account, and from there to the
bank. Both entries of a sweep have one receipt. Money leaves M-Pesa only after the charges are paid, so a
sweep to the settlement account pays them first. How the portal prints that payment is not known.
"""

from dataclasses import dataclass

from daraja_simulator.errors import ControlError
from daraja_simulator.ledger import ACCOUNTS, BANK, CHARGES, SWEEP, UTILITY, WITHDRAWAL, Cause
from daraja_simulator.money import Money
from daraja_simulator.state import SimulatorState

SETTLEMENT = "settlement"


@dataclass(frozen=True, slots=True)
class Sweep:
    """A finished sweep. `charges_receipt` is that of the payment of charges, or None."""

    receipt: str
    source: str
    target: str
    amount: Money
    charges_receipt: str | None


def sweep(state: SimulatorState, source: str, target: str, amount: Money | None, shortcode: str) -> Sweep:
    """Move `amount`, or everything, between two accounts or to `bank`. Raises ControlError."""
    if source not in ACCOUNTS or target not in (*ACCOUNTS, BANK) or source == target:
        raise ControlError(f"from must be one of {', '.join(ACCOUNTS)}, and to another one or {BANK}")
    with state.lock:
        charges_receipt = _pay_charges(state, source, target, shortcode)
        held = state.ledger.accounts[source]
        moved = held if amount is None else amount
        if not 0 < moved <= held:
            raise ControlError(f"the {ACCOUNTS[source]} holds KES {held:,.2f}", 409)
        receipt = _move(state, source, target, moved, shortcode)
    state.log(f"sweep {source} to {target}: KES {moved:,.2f}")
    return Sweep(receipt, source, target, moved, charges_receipt)


def _pay_charges(state: SimulatorState, source: str, target: str, shortcode: str) -> str | None:
    owed = -state.ledger.accounts[CHARGES]
    if owed <= 0 or CHARGES in (source, target):
        return None
    if target == BANK:
        raise ControlError(f"KES {owed:,.2f} of charges must be paid before money leaves", 409)
    if (source, target) != (UTILITY, SETTLEMENT) or state.ledger.accounts[UTILITY] < owed:
        return None
    return _move(state, UTILITY, CHARGES, owed, shortcode)


def _move(state: SimulatorState, source: str, target: str, amount: Money, shortcode: str) -> str:
    kind = WITHDRAWAL if target == BANK else SWEEP
    cause = Cause(kind, state.now(), {"from": source, "to": target}, shortcode)
    return state.ledger.sweep(source, target, amount, cause)
