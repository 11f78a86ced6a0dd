"""Whole Kenyan shillings, as integers. M-Pesa moves no smaller unit. Nothing calculates with floats."""

import re

CURRENCY = "kes"
CENTS = 100
"""The smallest payment, in shillings."""
SAFARICOM_MAX_AMOUNT = 250_000
"""Safaricom's limit for one transaction since September 2023, in shillings. A setting replaces it."""

LARGEST_ORDER = 10_000_000
"""The limit for an expected order, in shillings. Orders may be paid in parts, so it is high."""

_WHOLE = re.compile(r"(\d{1,15})(?:\.0+)?", re.ASCII)
"""Fifteen digits: a float has them exactly."""


class WrittenNumber(float):
    """A number with a point or an exponent, as a client wrote it in JSON. `str` returns its own digits."""

    def __init__(self, written: str) -> None:
        super().__init__()
        self._written = written

    def __str__(self) -> str:
        return self._written


def typed_shillings(amount: object) -> int | None:
    """Return an amount as whole shillings: `100`, `100.0`, `"100"` or `"100.00"`; None for anything else.

    A fraction other than zero, an exponent, a sign in a text and a separator of thousands are not accepted:
    whatever could be read in two ways is no amount.
    """
    if type(amount) is int:
        return amount
    if not isinstance(amount, float | str):
        return None
    match = _WHOLE.fullmatch(str(amount))
    return int(match[1]) if match else None


def shillings(cents: int) -> str:
    """Return an amount in cents as people write it in shillings: `1,100.00`."""
    sign, cents = ("-" if cents < 0 else ""), abs(cents)
    return f"{sign}{cents // 100:,}.{cents % 100:02}"
