"""Suggests orders for unmatched money: how likely each one is, and why.

The reference that the payer typed must be an order's own or one typo away from it, or both amount and payer
must agree. The payer alone is no indication: customers buy more than once. The amount alone is one only for
money of which nothing else can be known: its receipt was booked, and M-Pesa's status names no account. An
order whose exact id was typed comes first, whatever its status: it says why the money waits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from string import ascii_lowercase, digits

from mpesa_service.domain.moves import MATCH_UNDONE
from mpesa_service.domain.orders import CLOSED, STILL_DUE, OrderStatus
from mpesa_service.domain.states import PAID, PaymentStatus

LETTERS = digits + ascii_lowercase
LEAST_TYPO_LENGTH = 4
"""A shorter reference is one typo away from too many others."""
MOST_TYPO_LENGTH = 20
"""The longest bill reference (documented). It limits how many spellings are looked up."""
MOST_SUGGESTED = 5


class Reason(StrEnum):
    """What an order and the money have in common, or why the order does not take the money by itself."""

    REFERENCE_EQUAL = "reference_equal"
    REFERENCE_ONE_TYPO_AWAY = "reference_one_typo_away"
    AMOUNT_EQUAL = "amount_equal"
    """The amount is exactly the missing amount."""
    PAYER_AGREES = "payer_agrees"
    """The visible digits of the number match a payment of the same order."""
    ORDER_PAID_ALREADY = "order_paid_already"
    ORDER_CLOSED = "order_closed"
    """The order has expired or was canceled."""
    ORDER_NOT_REGISTERED = "order_not_registered"
    """There is no expected order: the id is only known from a payment that was started."""


WEIGHTS = {
    Reason.REFERENCE_EQUAL: 60,
    Reason.REFERENCE_ONE_TYPO_AWAY: 40,
    Reason.AMOUNT_EQUAL: 25,
    Reason.PAYER_AGREES: 15,
}
"""Points of what is in common. The reasons against an order have none."""
_PAID_ORDERS = frozenset({OrderStatus.PAID, OrderStatus.OVERPAID})


@dataclass(frozen=True)
class KnownPayment:
    """A payment of an order: the paid one if there is one, else the latest."""

    id: str
    status: PaymentStatus


@dataclass(frozen=True)
class Resemblance:
    """An order compared with the money: its reference keys, missing amount, and whether the payer agrees.

    `status` is None if the order is not registered. Then it is known from its `payment`.
    """

    order_id: str
    keys: tuple[str, ...]
    missing: int
    payer_agrees: bool = False
    status: OrderStatus | None = OrderStatus.OPEN
    payment: KnownPayment | None = None


@dataclass(frozen=True)
class Suggestion:
    """An order that the money may be meant for. `score` is 0 to 100.

    `order_status` is None if the order is not registered. `payment` is one of its payments, if one was found.
    """

    order_id: str
    score: int
    reasons: tuple[Reason, ...]
    order_status: OrderStatus | None = OrderStatus.OPEN
    payment: KnownPayment | None = None

    @property
    def is_exact(self) -> bool:
        """Return whether the payer typed the id of this order."""
        return Reason.REFERENCE_EQUAL in self.reasons


def suggest(
    typed_key: str, amount: int, orders: Iterable[Resemblance], *, amount_is_enough: bool = False
) -> tuple[Suggestion, ...]:
    """Return at most MOST_SUGGESTED orders: those whose exact id was typed, then the most likely first.

    Equal ones keep the given order. An order that takes no more money is only suggested for its exact id.
    `amount_is_enough`: an order is also suggested for its missing amount alone.
    """
    spellings = neighbors(typed_key)
    found = [_suggestion(typed_key, spellings, amount, order) for order in orders]
    likely = [one for one in found if _is_enough(one, amount_is_enough)]
    return tuple(sorted(likely, key=lambda one: (not one.is_exact, -one.score))[:MOST_SUGGESTED])


def neighbors(key: str) -> frozenset[str]:
    """Return every key that is one typo away: a letter missing, extra, wrong, or two exchanged.

    Return None for a key that is too short or too long for this search.
    """
    if not LEAST_TYPO_LENGTH <= len(key) <= MOST_TYPO_LENGTH:
        return frozenset()
    cuts = [(key[:at], key[at:]) for at in range(len(key) + 1)]
    found = {head + tail[1:] for head, tail in cuts if tail}
    found |= {head + letter + tail[1:] for head, tail in cuts if tail for letter in LETTERS}
    found |= {head + letter + tail for head, tail in cuts for letter in LETTERS}
    found |= {head + tail[1] + tail[0] + tail[2:] for head, tail in cuts if len(tail) > 1}
    return frozenset(found - {key})


def _suggestion(typed: str, spellings: frozenset[str], amount: int, order: Resemblance) -> Suggestion:
    reasons: list[Reason] = []
    if typed and typed in order.keys:
        reasons.append(Reason.REFERENCE_EQUAL)
    elif spellings.intersection(order.keys):
        reasons.append(Reason.REFERENCE_ONE_TYPO_AWAY)
    if amount == order.missing:
        reasons.append(Reason.AMOUNT_EQUAL)
    if order.payer_agrees:
        reasons.append(Reason.PAYER_AGREES)
    score = sum(WEIGHTS[reason] for reason in reasons)
    return Suggestion(order.order_id, score, (*reasons, *_obstacles(order)), order.status, order.payment)


def _obstacles(order: Resemblance) -> list[Reason]:
    """Return why the order does not take the money by itself."""
    paid = order.payment is not None and order.payment.status in PAID
    found = []
    if order.status in _PAID_ORDERS or (order.status is None and paid):
        found.append(Reason.ORDER_PAID_ALREADY)
    if order.status in CLOSED:
        found.append(Reason.ORDER_CLOSED)
    if order.status is None:
        found.append(Reason.ORDER_NOT_REGISTERED)
    return found


def _is_enough(one: Suggestion, amount_is_enough: bool) -> bool:
    if one.is_exact:
        return True
    if one.order_status not in STILL_DUE:
        return False
    needed = {Reason.AMOUNT_EQUAL} if amount_is_enough else {Reason.AMOUNT_EQUAL, Reason.PAYER_AGREES}
    return Reason.REFERENCE_ONE_TYPO_AWAY in one.reasons or needed <= set(one.reasons)


class WhyUnmatched(StrEnum):
    FITS_NO_ORDER = "fits_no_order"
    ORDER_PAID_ALREADY = "order_paid_already"
    """The payer typed the id of an order that is paid already."""
    ORDER_OF_ANOTHER_STATUS = "order_of_another_status"
    """The payer typed the id of an order that has expired or was canceled."""
    ORDER_NOT_REGISTERED = "order_not_registered"
    """The payer typed the order id of a payment that is not paid. There is no expected order with this id."""
    MATCH_UNDONE = "match_undone"
    """A person has undone its match to an order."""
    FRACTIONAL_AMOUNT = "fractional_amount"
    """The amount is fractional, so it is no payment, and the service cannot return it."""


_WHY = {
    Reason.ORDER_PAID_ALREADY: WhyUnmatched.ORDER_PAID_ALREADY,
    Reason.ORDER_CLOSED: WhyUnmatched.ORDER_OF_ANOTHER_STATUS,
    Reason.ORDER_NOT_REGISTERED: WhyUnmatched.ORDER_NOT_REGISTERED,
}


def why_unmatched(failure_reason: str | None, suggestions: Sequence[Suggestion]) -> WhyUnmatched:
    """Return why money has no order, from its payment's reason and the suggestions for it."""
    if failure_reason == MATCH_UNDONE:
        return WhyUnmatched.MATCH_UNDONE
    exact = [reason for one in suggestions if one.is_exact for reason in one.reasons]
    return next((_WHY[reason] for reason in exact if reason in _WHY), WhyUnmatched.FITS_NO_ORDER)
