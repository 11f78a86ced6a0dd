"""Why C2B money needs manual review."""

from enum import StrEnum


class WhyUnmatched(StrEnum):
    FITS_NO_ORDER = "fits_no_order"
    AMOUNT_WITH_CENTS = "amount_with_cents"
    """The amount is fractional, so it is no payment, and the service cannot return it."""
