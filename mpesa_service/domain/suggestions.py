"""Which announced order money that fits none may be meant for: how likely, and why.

The reference that the payer typed must be an order's own or one typo away from it, or amount and payer must
both agree. The payer alone says nothing: customers come again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from string import ascii_lowercase, digits

LETTERS = digits + ascii_lowercase
LEAST_TYPO_LENGTH = 4
"""A shorter reference is one typo away from too many others."""
MOST_TYPO_LENGTH = 20
"""Characters of a bill reference (documented); it bounds how many spellings are looked for."""
MOST_SUGGESTED = 5


class Reason(StrEnum):
    """What an order and money have in common."""

    REFERENCE_EQUAL = "reference_equal"
    REFERENCE_ONE_TYPO_AWAY = "reference_one_typo_away"
    AMOUNT_EQUAL = "amount_equal"
    """It is what is still due, to the shilling."""
    PAYER_AGREES = "payer_agrees"
    """As far as M-Pesa shows the number, it is that of a payment of the same order."""


WEIGHTS = {
    Reason.REFERENCE_EQUAL: 60,
    Reason.REFERENCE_ONE_TYPO_AWAY: 40,
    Reason.AMOUNT_EQUAL: 25,
    Reason.PAYER_AGREES: 15,
}


@dataclass(frozen=True)
class Resemblance:
    """How an order resembles money: its reference's keys, what it still lacks, whether the payer agrees."""

    order_id: str
    keys: tuple[str, ...]
    missing: int
    payer_agrees: bool = False


@dataclass(frozen=True)
class Suggestion:
    """An order that money may be meant for; `score` is 0 to 100."""

    order_id: str
    score: int
    reasons: tuple[Reason, ...]


def suggest(typed_key: str, amount: int, orders: Iterable[Resemblance]) -> tuple[Suggestion, ...]:
    """Return at most MOST_SUGGESTED orders, the likeliest first; of equals the first given."""
    spellings = neighbours(typed_key)
    found = [_suggestion(typed_key, spellings, amount, order) for order in orders]
    likely = [one for one in found if _is_enough(one.reasons)]
    return tuple(sorted(likely, key=lambda one: -one.score)[:MOST_SUGGESTED])


def neighbours(key: str) -> frozenset[str]:
    """Return every key that is one typo away: a letter missing, too many, wrong, or two exchanged.

    None for a key that is too short or too long to be looked for in this way.
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
