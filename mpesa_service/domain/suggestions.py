"""Suggests expected orders for unmatched money: how likely each one is, and why.

The reference that the payer typed must be an order's own or one typo away from it, or both amount and payer
must agree. The payer alone is no indication: customers buy more than once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from string import ascii_lowercase, digits

LETTERS = digits + ascii_lowercase
LEAST_TYPO_LENGTH = 4
"""A shorter reference is one typo away from too many others."""
MOST_TYPO_LENGTH = 20
"""The longest bill reference (documented). It limits how many spellings are looked up."""
MOST_SUGGESTED = 5


class Reason(StrEnum):
    """What an order and the money have in common."""

    REFERENCE_EQUAL = "reference_equal"
    REFERENCE_ONE_TYPO_AWAY = "reference_one_typo_away"
    AMOUNT_EQUAL = "amount_equal"
    """The amount is exactly the missing amount."""
    PAYER_AGREES = "payer_agrees"
    """The visible digits of the number match a payment of the same order."""


WEIGHTS = {
    Reason.REFERENCE_EQUAL: 60,
    Reason.REFERENCE_ONE_TYPO_AWAY: 40,
    Reason.AMOUNT_EQUAL: 25,
    Reason.PAYER_AGREES: 15,
}


@dataclass(frozen=True)
class Resemblance:
    """An order compared with the money: its reference keys, missing amount, and whether the payer agrees."""

    order_id: str
    keys: tuple[str, ...]
    missing: int
    payer_agrees: bool = False


@dataclass(frozen=True)
class Suggestion:
    """An order that the money may be meant for. `score` is 0 to 100."""

    order_id: str
    score: int
    reasons: tuple[Reason, ...]


def suggest(typed_key: str, amount: int, orders: Iterable[Resemblance]) -> tuple[Suggestion, ...]:
    """Return at most MOST_SUGGESTED orders, the most likely first; equal ones in the given order."""
    spellings = neighbors(typed_key)
    found = [_suggestion(typed_key, spellings, amount, order) for order in orders]
    likely = [one for one in found if _is_enough(one.reasons)]
    return tuple(sorted(likely, key=lambda one: -one.score)[:MOST_SUGGESTED])


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
    return Suggestion(order.order_id, sum(WEIGHTS[reason] for reason in reasons), tuple(reasons))


def _is_enough(reasons: Sequence[Reason]) -> bool:
    by_reference = {Reason.REFERENCE_EQUAL, Reason.REFERENCE_ONE_TYPO_AWAY}
    return not by_reference.isdisjoint(reasons) or {Reason.AMOUNT_EQUAL, Reason.PAYER_AGREES} <= set(reasons)


class WhyUnmatched(StrEnum):
    FITS_NO_ORDER = "fits_no_order"
    FRACTIONAL_AMOUNT = "fractional_amount"
    """The amount is fractional, so it is no payment, and the service cannot return it."""
