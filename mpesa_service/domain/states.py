"""The states of a payment and of a refund, and every move between them. Nothing else moves money states.

A payment:

    submitting ──push_accepted──▶ pending ──paid──▶ succeeded ──refunded_in_part──▶ partially_refunded
        │  │                        │  │                │  ▲                              │
        │  └─push_refused─▶ failed ◀┘  └─▶ canceled     │  └─late_payment── failed,       ▼
        └─push_unanswered─▶ unknown ──paid, declined…   └─refunded_in_whole──────────▶ refunded
             pending ──fell_silent──▶ unknown ──gave_up──▶ review
             any of them ──contradicted, unclear_result, paid_twice──▶ review
             review ──settled_by_operator──▶ succeeded, ──failed_by_operator──▶ failed

`submitting` means that the intent is committed and that we do not know whether the push left: clients
see it as `pending`. `unknown` means that nobody has told us the outcome; it is left only by evidence.
A success is never overwritten by a failure: a confirmed contradiction goes to `review`, to a person.
"""

from enum import StrEnum

from mpesa_service.domain.transitions import TransitionTable, edges


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
        """The word that clients see: our own `submitting` is `pending` to them."""
        return "pending" if self is PaymentStatus.SUBMITTING else self.value


class RefundStatus(StrEnum):
    SUBMITTING = "submitting"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REVIEW = "review"

    @property
    def public(self) -> str:
        """The word that clients see: our own `submitting` is `pending` to them."""
        return "pending" if self is RefundStatus.SUBMITTING else self.value


_P = PaymentStatus
_R = RefundStatus

OPEN = frozenset({_P.SUBMITTING, _P.PENDING, _P.UNKNOWN})
"""No verdict yet: the prompt may be alive, or nobody has told us."""
PAID = frozenset({_P.SUCCEEDED, _P.PARTIALLY_REFUNDED, _P.REFUNDED})
"""The customer's money arrived."""
UNPAID = frozenset({_P.FAILED, _P.CANCELED})
"""M-Pesa said that the money did not move."""
REFUNDABLE = frozenset({_P.SUCCEEDED, _P.PARTIALLY_REFUNDED})

PAYMENT_TRANSITIONS = TransitionTable(
    [
        *edges("push_accepted", [_P.SUBMITTING], _P.PENDING),
        *edges("push_refused", [_P.SUBMITTING], _P.FAILED),
        *edges("push_unanswered", [_P.SUBMITTING], _P.UNKNOWN),
        *edges("fell_silent", [_P.PENDING], _P.UNKNOWN),
        *edges("gave_up", [_P.PENDING, _P.UNKNOWN], _P.REVIEW),
        *edges("paid", OPEN, _P.SUCCEEDED),
        *edges("declined", OPEN, _P.FAILED),
        *edges("canceled_by_customer", OPEN, _P.CANCELED),
        *edges("unclear_result", OPEN, _P.REVIEW),
        *edges("late_payment", UNPAID, _P.SUCCEEDED),
        *edges("paid_twice", OPEN | UNPAID, _P.REVIEW),
        *edges("contradicted", OPEN | UNPAID | PAID, _P.REVIEW),
        *edges("refunded_in_part", REFUNDABLE, _P.PARTIALLY_REFUNDED),
        *edges("refunded_in_whole", REFUNDABLE, _P.REFUNDED),
        *edges("refund_undone", [_P.PARTIALLY_REFUNDED, _P.REFUNDED], _P.SUCCEEDED),
        *edges("refund_undone_in_part", [_P.REFUNDED], _P.PARTIALLY_REFUNDED),
        *edges("settled_by_operator", [_P.REVIEW], _P.SUCCEEDED),
        *edges("failed_by_operator", [_P.REVIEW], _P.FAILED),
    ]
)

REFUND_OPEN = frozenset({_R.SUBMITTING, _R.PENDING, _R.UNKNOWN})
"""Money that may still leave: its amount stays reserved on the payment."""

REFUND_TRANSITIONS = TransitionTable(
    [
        *edges("refund_accepted", [_R.SUBMITTING, _R.UNKNOWN], _R.PENDING),
        *edges("refund_refused", [_R.SUBMITTING], _R.FAILED),
        *edges("refund_unanswered", [_R.SUBMITTING], _R.UNKNOWN),
        *edges("refund_timed_out", [_R.SUBMITTING, _R.PENDING], _R.UNKNOWN),
        *edges("refund_paid", REFUND_OPEN, _R.SUCCEEDED),
        *edges("refund_declined", REFUND_OPEN, _R.FAILED),
        *edges("refund_unclear", REFUND_OPEN, _R.REVIEW),
        *edges("refund_gave_up", REFUND_OPEN, _R.REVIEW),
        *edges("refund_settled_by_operator", [_R.REVIEW], _R.SUCCEEDED),
        *edges("refund_failed_by_operator", [_R.REVIEW], _R.FAILED),
        *edges("refund_contradicted", [*REFUND_OPEN, _R.SUCCEEDED, _R.FAILED], _R.REVIEW),
    ]
)
