"""What a provider's answer says about one money movement, in five words."""

from enum import StrEnum


class Outcome(StrEnum):
    """The meaning of a provider's result code, whatever type or spelling it arrived in."""

    PAID = "paid"
    """The money moved."""
    FAILED = "failed"
    """The money did not move, and this attempt will not move it."""
    CANCELED = "canceled"
    """The customer said no."""
    PENDING = "pending"
    """No verdict yet; ask again later."""
    UNCLEAR = "unclear"
    """A code that nobody has explained: a person must look."""
