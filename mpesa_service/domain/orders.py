"""Orders that a shop has announced, and the rules by which money from a phone's own menu is judged."""

from enum import StrEnum


class OrderStatus(StrEnum):
    """How far an expected order is paid. Only `paid` means: exactly what was due, or more by its own rule."""

    OPEN = "open"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    OVERPAID = "overpaid"
    EXPIRED = "expired"
    CANCELED = "canceled"


class AmountRule(StrEnum):
    """Which amounts validation lets through."""

    EXACT = "exact"
    """What is still due, to the shilling."""
    MINIMUM = "minimum"
    """At least what is still due."""
    ANY = "any"


class ReferenceRule(StrEnum):
    """Which account references validation lets through."""

    KNOWN = "known"
    """Only those of expected orders and of payments that were begun."""
    OPEN = "open"


class WhenUnsure(StrEnum):
    """What validation answers when it cannot tell."""

    ACCEPT = "accept"
    REJECT = "reject"
