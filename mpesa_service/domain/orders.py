"""Expected orders, and the rules for C2B payments of them."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum


class OrderStatus(StrEnum):
    """The status of an expected order. `paid` means the amount due, or more if its rule allows that."""

    OPEN = "open"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    OVERPAID = "overpaid"
    EXPIRED = "expired"
    CANCELED = "canceled"


class AmountRule(StrEnum):
    """The amounts that validation accepts."""

    EXACT = "exact"
    """Exactly the missing amount."""
    MINIMUM = "minimum"
    """At least the missing amount."""
    ANY = "any"


class ReferenceRule(StrEnum):
    """The account references that validation accepts."""

    KNOWN = "known"
    """Only references of expected orders and of payments that were started."""
    OPEN = "open"


class WhenUnsure(StrEnum):
    """The answer of validation if it cannot decide."""

    ACCEPT = "accept"
    REJECT = "reject"


STILL_DUE = frozenset({OrderStatus.OPEN, OrderStatus.PARTIALLY_PAID})
"""An amount is missing, and more money may arrive."""
CLOSED = frozenset({OrderStatus.EXPIRED, OrderStatus.CANCELED})
"""Statuses in which an order accepts no more money by itself."""
KEY_LIMIT = 64
NO_OWNER = ""
"""The owner of money that fits no order: no token has an empty subject, so only admins see it."""


def reference_key(typed: str) -> str:
    """Return the common form of all spellings of a reference: its letters and digits, case folded.

    Customers type ` order 1001`, `ORDER-1001` and `order_1001` for one order.
    """
    return "".join(letter for letter in typed.casefold() if letter.isalnum())[:KEY_LIMIT]


@dataclass(frozen=True)
class SurplusPart:
    """A part of an order's surplus, in shillings, that can be refunded from one payment.

    `needs_phone`: M-Pesa does not reveal who paid, so an admin states the number.
    """

    payment_id: str
    amount: int
    needs_phone: bool


def surplus_parts(surplus: int, payments: Iterable[SurplusPart]) -> tuple[SurplusPart, ...]:
    """Return how to return `surplus` shillings: from which payments, and how much of each.

    `payments` have the refundable amount of each payment, in the order in which to refund them.
    """
    parts = []
    for payment in payments:
        part = min(surplus, payment.amount)
        if part > 0:
            parts.append(replace(payment, amount=part))
            surplus -= part
    return tuple(parts)


def order_status(amount_due: int, received: int, rule: AmountRule | None) -> OrderStatus:
    """Return the status of an order with `received` shillings that is neither expired nor canceled."""
    if received <= 0:
        return OrderStatus.OPEN
    if received < amount_due:
        return OrderStatus.PARTIALLY_PAID
    if received == amount_due or rule in {AmountRule.MINIMUM, AmountRule.ANY}:
        return OrderStatus.PAID
    return OrderStatus.OVERPAID
