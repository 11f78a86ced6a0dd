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


STILL_DUE = frozenset({OrderStatus.OPEN, OrderStatus.PARTIALLY_PAID})
"""Something is missing, and may still come."""
CLOSED = frozenset({OrderStatus.EXPIRED, OrderStatus.CANCELED})
"""Takes no money of its own accord any more."""
KEY_LIMIT = 64


def reference_key(typed: str) -> str:
    """Return what all spellings of a reference come to: its letters and digits, case folded.

    Customers type ` order 1001`, `ORDER-1001` and `order_1001` for one order.
    """
    return "".join(letter for letter in typed.casefold() if letter.isalnum())[:KEY_LIMIT]


def order_status(amount_due: int, received: int, rule: AmountRule | None) -> OrderStatus:
    """Return what `received` shillings make of an order that is neither expired nor canceled."""
    if received <= 0:
        return OrderStatus.OPEN
    if received < amount_due:
        return OrderStatus.PARTIALLY_PAID
    if received == amount_due or rule in {AmountRule.MINIMUM, AmountRule.ANY}:
        return OrderStatus.PAID
    return OrderStatus.OVERPAID
