"""Whole Kenyan shillings, as integers. M-Pesa moves nothing smaller, and floats are never let in."""

from decimal import Decimal

CURRENCY = "kes"
CENTS = 100
"""To the shilling."""
SAFARICOM_MAX_AMOUNT = 250_000
"""Shillings per transaction that Safaricom documents at present; the service's own cap may be lower."""

LARGEST_ORDER = 10_000_000
"""Shillings that an announced order may be due: it may be paid in parts, so a payment's limit is not its."""


def whole_shillings(value: Decimal | int | None) -> int | None:
    """Return a provider's decimal amount (`5.00`) as whole shillings, or None when it is not whole."""
    if value is None:
        return None
    amount = Decimal(value)
    if not amount.is_finite() or amount != amount.to_integral_value():
        return None
    return int(amount)
