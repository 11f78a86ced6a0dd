"""Whole Kenyan shillings, as integers. M-Pesa moves nothing smaller, and floats are never let in."""

CURRENCY = "kes"
CENTS = 100
"""To the shilling."""
SAFARICOM_MAX_AMOUNT = 250_000
"""Shillings per transaction that Safaricom documents at present; the service's own cap may be lower."""

LARGEST_ORDER = 10_000_000
"""Shillings that an announced order may be due: it may be paid in parts, so a payment's limit is not its."""
