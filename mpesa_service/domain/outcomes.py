"""The outcome of one movement of money according to a provider, as one of five values."""

from enum import StrEnum


class Outcome(StrEnum):
    """The meaning of a provider's result code, whatever its type or spelling."""

    PAID = "paid"
    """The money moved."""
    FAILED = "failed"
    """The money did not move, and this attempt will not move it."""
    CANCELED = "canceled"
    """The customer refused."""
    PENDING = "pending"
    """There is no outcome yet; query again later."""
    UNCLEAR = "unclear"
    """A code that is not documented. It needs manual review."""
