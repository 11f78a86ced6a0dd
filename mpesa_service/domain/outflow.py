"""The rule for money that leaves, or that a person reports as received: done now, or approved first.

One person alone moves money up to three limits: in one action, in 24 hours, and in 24 hours to one payee.
Above any of them, a second person decides. What waits counts for nothing. What was done counts, approved or
not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

DAY = timedelta(hours=24)


class OutflowKind(StrEnum):
    """An action by which money leaves, or is reported as received without a proof of M-Pesa's."""

    REFUND = "refund"
    """A refund to a phone."""
    REVERSAL = "reversal"
    RETURN = "return"
    """Unmatched money that goes back."""
    PAYOUT = "payout"
    """A whole batch of payouts."""
    SETTLE_PAYMENT = "settle_payment"
    """A person reports that the money of a payment in review arrived."""
    RESOLVE_REFUND = "resolve_refund"
    """A person reports the outcome of refunds in review. Money of a failed refund can be refunded again."""
    RESOLVE_PAYOUT = "resolve_payout"
    BOOK_RECEIPT = "book_receipt"
    MOVE = "move"
    """A payment counts at another order, or is unmatched money again."""
    MATCH = "match"
    """Unmatched money counts at an order."""


class Limit(StrEnum):
    """Why an action waits for a second person."""

    SINGLE = "single"
    """It is larger than one person may move at once."""
    MAKER_DAY = "maker_day"
    """With it, the person who requests it moves too much in 24 hours."""
    PAYEE_DAY = "payee_day"
    """With it, one payee gets too much in 24 hours."""
    OWN = "own"
    """The person who requested a command decides about its outcome."""


LIMITS = {
    Limit.SINGLE: "it is above APPROVAL_SINGLE",
    Limit.MAKER_DAY: "with it, you move more than APPROVAL_PER_MAKER_DAY in 24 hours",
    Limit.PAYEE_DAY: "with it, one payee gets more than APPROVAL_PER_PAYEE_DAY in 24 hours",
    Limit.OWN: "you requested that command yourself",
}
"""What a limit means, for the person who requests an action."""


class ApprovalStatus(StrEnum):
    WAITING = "waiting"
    APPROVED = "approved"
    """A second person approved the action, and it was begun in the same transaction."""
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True)
class Limits:
    """Shillings: what one person may move in one action, in 24 hours, and in 24 hours to one payee."""

    single: int
    maker_day: int
    payee_day: int


@dataclass(frozen=True)
class Outflow:
    """An action that moves `amount` shillings; `payees` maps the blind index of each payee to its part.

    `own`: its maker decides about the outcome of an own command.
    """

    amount: int
    payees: Mapping[str, int] = field(default_factory=dict)
    own: bool = False


@dataclass(frozen=True)
class LastDay:
    """What was done in the last 24 hours, in shillings: by the maker, and for each payee."""

    maker: int = 0
    payees: Mapping[str, int] = field(default_factory=dict)


def limits_exceeded(outflow: Outflow, last_day: LastDay, limits: Limits) -> tuple[Limit, ...]:
    """Return the limits that the action exceeds. Without one, it is done now; else it waits."""
    to_one = (
        last_day.payees.get(payee, 0) + part > limits.payee_day for payee, part in outflow.payees.items()
    )
    exceeded = {
        Limit.SINGLE: outflow.amount > limits.single,
        Limit.MAKER_DAY: last_day.maker + outflow.amount > limits.maker_day,
        Limit.PAYEE_DAY: any(to_one),
        Limit.OWN: outflow.own,
    }
    return tuple(limit for limit, over in exceeded.items() if over)
