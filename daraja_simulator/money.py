"""Amounts of money: shillings, exact to the cent.

A whole number of shillings is an int. A fractional amount is a Decimal, never a float.
"""

import re
from decimal import Decimal

Money = int | Decimal
"""Shillings. Only customers' C2B payments and charges have cents."""

_AMOUNT = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,2})?")


def parse_money(value: object) -> Money | None:
    """Return an amount such as 100, 100.5, "100" or "100.50", or None if it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = str(value)
    return simplest(Decimal(text)) if _AMOUNT.fullmatch(text) else None


def simplest(amount: Money) -> Money:
    """Return an int if the amount is whole."""
    return int(amount) if amount == int(amount) else amount


def size(amount: Money) -> Money:
    """Return the amount without its sign."""
    return amount if amount > 0 else -amount


def json_number(amount: Money) -> int | float:
    """Return the amount as a JSON number: 100 or 100.5."""
    whole = simplest(amount)
    return whole if isinstance(whole, int) else float(whole)


def cents(amount: Money) -> int:
    """Return the amount in cents."""
    return int(amount * 100)
