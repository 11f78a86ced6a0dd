"""What M-Pesa charges the shop: the tariff tables, and the entries of the ledger.

The tables are those that integrators published in 2024 to 2026. Pay bill: the same total in all three
bouquets, and in the shared one (Mgao) the customer pays a part. B2C: the shop pays. B2B: the pay bill's total
(one source). Tills: about 0.5 % above KES 200, at most KES 200 (uncertain). Safaricom gives large shops
other rates. The simulator charges nothing unless the option `charges` says so, and never the customer.
"""

from decimal import ROUND_HALF_UP, Decimal

from daraja_simulator.ledger import CHARGES, UTILITY, Cause
from daraja_simulator.money import Money, simplest
from daraja_simulator.options import SimulatorOptions
from daraja_simulator.records import B2C, C2B, POCHI, STK
from daraja_simulator.state import SimulatorState

PAY_BILL: tuple[tuple[int, int, int], ...] = (
    (100, 0, 0),
    (500, 5, 0),
    (1_000, 10, 0),
    (1_500, 15, 5),
    (2_500, 20, 7),
    (3_500, 25, 9),
    (5_000, 34, 18),
    (7_500, 42, 25),
    (10_000, 48, 30),
    (15_000, 57, 39),
    (20_000, 62, 43),
    (25_000, 67, 47),
    (30_000, 72, 52),
    (35_000, 83, 62),
    (40_000, 99, 76),
    (45_000, 103, 80),
    (250_000, 108, 84),
)
"""Pay bill: the largest amount of a band, the total charge, and the shop's share in the shared bouquet."""

B2C_BANDS: tuple[tuple[int, int], ...] = ((100, 0), (1_500, 5), (5_000, 9), (20_000, 11), (250_000, 13))
"""B2C to a registered customer: the largest amount of a band, and the charge."""

_TILL_FREE, _TILL_RATE, _TILL_MOST = 200, Decimal("0.005"), 200
_CENT = Decimal("0.01")
_CUSTOMER = frozenset({STK, C2B})
_PAYOUTS = frozenset({B2C, POCHI})

TILL = "till"
"""The `command` of a payment to a till; that of one to a pay bill is another text."""


def charge_for(options: SimulatorOptions, kind: str, command: str, amount: Money) -> Money:
    """Return what the shop pays for a transaction of this kind. It is 0 while charges are off."""
    if options.charges == "off":
        return 0
    if kind in _PAYOUTS:
        return next(charge for largest, charge in B2C_BANDS if amount <= largest)
    _largest, total, share = next(band for band in PAY_BILL if amount <= band[0])
    if kind not in _CUSTOMER:
        return total
    if command == TILL:
        return _till_charge(amount)
    return {"business": total, "shared": share, "customer": 0}[options.charges]


def from_utility(options: SimulatorOptions, kind: str, command: str, amount: Money) -> Money:
    """Return what the utility account must hold for a payout: the amount, and the charge if it pays that."""
    own = options.charges_account == UTILITY
    return amount + (charge_for(options, kind, command, amount) if own else 0)


def post(state: SimulatorState, cause: Cause, receipt: str, amount: Money) -> None:
    """Enter the charge of a transaction, if there is one, under the transaction's receipt.

    With the option b2c_charge_receipt=own, the charge of a payout has a receipt of its own.
    """
    options = state.options
    charge = charge_for(options, cause.kind, cause.command, amount)
    if not charge:
        return
    own = cause.kind in _PAYOUTS and options.b2c_charge_receipt == "own"
    account = UTILITY if options.charges_account == UTILITY else CHARGES
    state.ledger.charge(cause, receipt, account, charge, own_receipt=own)


def _till_charge(amount: Money) -> Money:
    if amount <= _TILL_FREE:
        return 0
    charge = (amount * _TILL_RATE).quantize(_CENT, ROUND_HALF_UP)
    return simplest(min(charge, Decimal(_TILL_MOST)))
