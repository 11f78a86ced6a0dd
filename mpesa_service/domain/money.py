"""Whole Kenyan shillings, as integers. M-Pesa moves no smaller unit, and floats are never accepted."""

CURRENCY = "kes"
CENTS = 100
"""The smallest payment, in shillings."""
SAFARICOM_MAX_AMOUNT = 250_000
"""Safaricom's documented limit per transaction, in shillings. The service's own limit may be lower."""

LARGEST_ORDER = 10_000_000
"""The limit for an expected order, in shillings. Orders may be paid in parts, so it is high."""


def shillings(cents: int) -> str:
    """Return an amount in cents as people write it in shillings: `1,100.00`."""
    sign, cents = ("-" if cents < 0 else ""), abs(cents)
    return f"{sign}{cents // 100:,}.{cents % 100:02}"
