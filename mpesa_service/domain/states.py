"""The statuses of payments, refunds and payouts, and all transitions. No other code changes a status.

A payment:

    submitting ──push_accepted──▶ pending ──paid──▶ succeeded ──refunded_in_part──▶ partially_refunded
        │  │                        │  │                │  ▲                              │
        │  └─push_refused─▶ failed ◀┘  └─▶ canceled     │  └─late_payment── failed,       ▼
        └─push_unanswered─▶ unknown ──paid, declined…   └─refunded_in_whole──────────▶ refunded
             pending ──timed_out──▶ unknown ──unresolved──▶ review
             any of them ──contradicted, unclear_result, duplicate_payment──▶ review
             review ──settled_by_operator──▶ succeeded, ──failed_by_operator──▶ failed

A C2B payment also begins at `submitting`, and leaves it in the same transaction: to `succeeded` by `paid`,
or, if it matches no order, to `review` by `unmatched`, until it is `matched` to an order. A person may move a
paid payment to another order by `moved`, or back to unmatched money, `review`, by `match_undone`.

Refunds and payouts are commands that M-Pesa accepts now and answers later. Both have the same transitions:

    submitting ──accepted──▶ pending ──paid──▶ succeeded,  ──declined──▶ failed
        └─unanswered, timed_out──▶ unknown ──accepted, paid, declined…
    any of them ──unclear, unresolved, contradicted──▶ review

`submitting` means that the intent is committed, and that the service does not know whether the push was sent.
Clients see it as `pending`. `unknown` means that no final report has arrived; only evidence ends it. A
failure never overwrites a success: a confirmed mismatch leads to `review`, where a person decides.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

State = TypeVar("State", bound=str)


class ForbiddenTransition(Exception):
    """A transition that is not in the table was requested: a fault of the service, never of the caller."""


@dataclass(frozen=True)
class Edge(Generic[State]):
    """One allowed transition. Its name is the reason, and is stored in the audit trail."""

    name: str
    source: State
    target: State


class TransitionTable(Generic[State]):
    """All allowed transitions. An edge's name and its source determine the target."""

    def __init__(self, edges: Iterable[Edge[State]]) -> None:
        self.edges = tuple(edges)
        self._targets = {(edge.name, edge.source): edge.target for edge in self.edges}
        if len(self._targets) != len(self.edges):
            raise ValueError("two edges share a name and a source")

    def target(self, name: str, source: State) -> State:
        """Return the target of edge `name` from `source`; raise ForbiddenTransition if there is none."""
        try:
            return self._targets[name, source]
        except KeyError:
            raise ForbiddenTransition(f"no edge {name!r} leaves {source!r}") from None


def edges(name: str, sources: Iterable[State], target: State) -> list[Edge[State]]:
    """Return one edge `name` from each of `sources` to `target`."""
    return [Edge(name, source, target) for source in sources]


class PaymentStatus(StrEnum):
    SUBMITTING = "submitting"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    REVIEW = "review"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"

    @property
    def public(self) -> str:
        """The status that clients see: for `submitting` it is `pending`."""
        return PUBLIC[self]


PUBLIC = {status: status.value for status in PaymentStatus} | {PaymentStatus.SUBMITTING: "pending"}
"""The statuses of payments that clients see."""


class RefundStatus(StrEnum):
    SUBMITTING = "submitting"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REVIEW = "review"

    @property
    def public(self) -> str:
        """The status that clients see: for `submitting` it is `pending`."""
        return "pending" if self is RefundStatus.SUBMITTING else self.value


class PayoutStatus(StrEnum):
    WAITING = "waiting"
    """Nothing has been sent yet."""
    SUBMITTING = "submitting"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    """Stopped before anything was sent."""
    REVIEW = "review"

    @property
    def public(self) -> str:
        """The status that clients see: for `submitting` it is `pending`."""
        return "pending" if self is PayoutStatus.SUBMITTING else self.value


_P = PaymentStatus
_R = RefundStatus
_O = PayoutStatus

OPEN = frozenset({_P.SUBMITTING, _P.PENDING, _P.UNKNOWN})
"""No final report has arrived: the prompt may be open, or the outcome is unknown."""
PAID = frozenset({_P.SUCCEEDED, _P.PARTIALLY_REFUNDED, _P.REFUNDED})
"""The customer's money arrived."""
UNPAID = frozenset({_P.FAILED, _P.CANCELED})
"""M-Pesa reported that the money did not move."""
REFUNDABLE = frozenset({_P.SUCCEEDED, _P.PARTIALLY_REFUNDED})

PAYMENT_TRANSITIONS = TransitionTable(
    [
        *edges("push_accepted", [_P.SUBMITTING], _P.PENDING),
        *edges("push_refused", [_P.SUBMITTING], _P.FAILED),
        *edges("push_unanswered", [_P.SUBMITTING], _P.UNKNOWN),
        *edges("timed_out", [_P.PENDING], _P.UNKNOWN),
        *edges("unresolved", [_P.PENDING, _P.UNKNOWN], _P.REVIEW),
        *edges("paid", OPEN, _P.SUCCEEDED),
        *edges("declined", OPEN, _P.FAILED),
        *edges("canceled_by_customer", OPEN, _P.CANCELED),
        *edges("unclear_result", OPEN, _P.REVIEW),
        *edges("late_payment", UNPAID, _P.SUCCEEDED),
        *edges("duplicate_payment", OPEN | UNPAID, _P.REVIEW),
        *edges("contradicted", OPEN | UNPAID | PAID, _P.REVIEW),
        *edges("refunded_in_part", REFUNDABLE, _P.PARTIALLY_REFUNDED),
        *edges("refunded_in_whole", REFUNDABLE, _P.REFUNDED),
        *edges("refund_reversed", [_P.PARTIALLY_REFUNDED, _P.REFUNDED], _P.SUCCEEDED),
        *edges("refund_reversed_in_part", [_P.REFUNDED], _P.PARTIALLY_REFUNDED),
        *edges("settled_by_operator", [_P.REVIEW], _P.SUCCEEDED),
        *edges("failed_by_operator", [_P.REVIEW], _P.FAILED),
        *edges("unmatched", [_P.SUBMITTING], _P.REVIEW),
        *edges("matched", [_P.REVIEW], _P.SUCCEEDED),
        # The payment now is one of another order; its own status stays.
        *edges("moved", [_P.SUCCEEDED], _P.SUCCEEDED),
        *edges("moved", [_P.PARTIALLY_REFUNDED], _P.PARTIALLY_REFUNDED),
        *edges("match_undone", REFUNDABLE, _P.REVIEW),
    ]
)

REFUND_OPEN = frozenset({_R.SUBMITTING, _R.PENDING, _R.UNKNOWN})
"""The money may still be sent, so its amount stays reserved on the payment."""
PAYOUT_OPEN = frozenset({_O.SUBMITTING, _O.PENDING, _O.UNKNOWN})
"""The money may still be sent."""

CommandStatus = TypeVar("CommandStatus", bound=StrEnum)


def _command_edges(what: str, states: type[CommandStatus]) -> list[Edge[CommandStatus]]:
    """Return the transitions of a command that M-Pesa accepts now and answers later."""
    sending, taken, silent = states("submitting"), states("pending"), states("unknown")
    done, refused, review = states("succeeded"), states("failed"), states("review")
    live = [sending, taken, silent]
    return [
        *edges(f"{what}_accepted", [sending, silent], taken),
        *edges(f"{what}_refused", [sending], refused),
        *edges(f"{what}_unanswered", [sending], silent),
        *edges(f"{what}_timed_out", [sending, taken], silent),
        *edges(f"{what}_paid", live, done),
        *edges(f"{what}_declined", live, refused),
        *edges(f"{what}_unclear", live, review),
        *edges(f"{what}_unresolved", live, review),
        *edges(f"{what}_settled_by_operator", [review], done),
        *edges(f"{what}_failed_by_operator", [review], refused),
        *edges(f"{what}_contradicted", [*live, done, refused], review),
    ]


REFUND_TRANSITIONS = TransitionTable(_command_edges("refund", RefundStatus))

PAYOUT_TRANSITIONS = TransitionTable(
    [
        *_command_edges("payout", PayoutStatus),
        *edges("payout_begun", [_O.WAITING], _O.SUBMITTING),
        # M-Pesa certainly accepted nothing (it was busy or unreachable): the row waits for another attempt.
        *edges("payout_requeued", [_O.SUBMITTING], _O.WAITING),
        *edges("payout_stopped", [_O.WAITING], _O.CANCELED),
        # M-Pesa reports a payment of a row that it had certainly not accepted.
        *edges("payout_contradicted", [_O.WAITING, _O.CANCELED], _O.REVIEW),
    ]
)
