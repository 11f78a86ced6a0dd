"""Why money that arrived waits for a person."""

from enum import StrEnum


class WhyUnmatched(StrEnum):
    FITS_NO_ORDER = "fits_no_order"
    AMOUNT_WITH_CENTS = "amount_with_cents"
    """No payment holds it, so nothing can be done about it from here."""
