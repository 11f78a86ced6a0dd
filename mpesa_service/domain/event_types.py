"""The types of outgoing events, and the transitions that publish them."""

from enum import StrEnum

from mpesa_service.domain.commands import BatchStatus
from mpesa_service.domain.orders import OrderStatus
from mpesa_service.domain.outflow import ApprovalStatus
from mpesa_service.domain.states import PaymentStatus, PayoutStatus, RefundStatus


class EventType(StrEnum):
    PAYMENT_SUCCEEDED = "payment.succeeded"
    PAYMENT_FAILED = "payment.failed"
    PAYMENT_CANCELED = "payment.canceled"
    PAYMENT_REVIEW = "payment.review"
    PAYMENT_DUPLICATE = "payment.duplicate"
    PAYMENT_PARTIALLY_REFUNDED = "payment.partially_refunded"
    PAYMENT_REFUNDED = "payment.refunded"
    PAYMENT_MOVED = "payment.moved"
    ORDER_PARTIALLY_PAID = "order.partially_paid"
    ORDER_PAID = "order.paid"
    ORDER_OVERPAID = "order.overpaid"
    REFUND_SUCCEEDED = "refund.succeeded"
    REFUND_FAILED = "refund.failed"
    REFUND_REVIEW = "refund.review"
    PAYOUT_SUCCEEDED = "payout.succeeded"
    PAYOUT_FAILED = "payout.failed"
    PAYOUT_REVIEW = "payout.review"
    PAYOUT_BATCH_WAITING_APPROVAL = "payout_batch.waiting_approval"
    PAYOUT_BATCH_DONE = "payout_batch.done"
    BALANCE_LOW = "balance.low"
    CALLBACK_UNREAD = "callback.unread"
    DISCREPANCY_OPENED = "discrepancy.opened"
    PULL_SUSPECT = "pull.suspect"
    COMMANDS_SUSPENDED = "commands.suspended"
    APPROVAL_WAITING = "approval.waiting"
    APPROVAL_APPROVED = "approval.approved"
    APPROVAL_REJECTED = "approval.rejected"
    APPROVAL_EXPIRED = "approval.expired"


PAYMENT_EVENTS = {
    PaymentStatus.SUCCEEDED: EventType.PAYMENT_SUCCEEDED,
    PaymentStatus.FAILED: EventType.PAYMENT_FAILED,
    PaymentStatus.CANCELED: EventType.PAYMENT_CANCELED,
    PaymentStatus.REVIEW: EventType.PAYMENT_REVIEW,
    PaymentStatus.PARTIALLY_REFUNDED: EventType.PAYMENT_PARTIALLY_REFUNDED,
    PaymentStatus.REFUNDED: EventType.PAYMENT_REFUNDED,
}
EDGE_EVENTS = {
    "duplicate_payment": EventType.PAYMENT_DUPLICATE,
    "moved": EventType.PAYMENT_MOVED,
    "match_undone": EventType.PAYMENT_MOVED,
}
"""Transitions that publish an event of their own, whatever status they lead to."""
_ORDER_EVENTS = {
    OrderStatus.PARTIALLY_PAID: EventType.ORDER_PARTIALLY_PAID,
    OrderStatus.PAID: EventType.ORDER_PAID,
    OrderStatus.OVERPAID: EventType.ORDER_OVERPAID,
}
ORDER_NOTES = {f"order_{status}": _ORDER_EVENTS.get(status) for status in OrderStatus}
"""The audit note for each order status, and the event that it publishes."""
_REFUND_EVENTS = {
    RefundStatus.SUCCEEDED: EventType.REFUND_SUCCEEDED,
    RefundStatus.FAILED: EventType.REFUND_FAILED,
    RefundStatus.REVIEW: EventType.REFUND_REVIEW,
}

APPROVAL_EVENTS = {
    ApprovalStatus.WAITING: EventType.APPROVAL_WAITING,
    ApprovalStatus.APPROVED: EventType.APPROVAL_APPROVED,
    ApprovalStatus.REJECTED: EventType.APPROVAL_REJECTED,
    ApprovalStatus.EXPIRED: EventType.APPROVAL_EXPIRED,
}
_PAYOUT_EVENTS = {
    PayoutStatus.SUCCEEDED: EventType.PAYOUT_SUCCEEDED,
    PayoutStatus.FAILED: EventType.PAYOUT_FAILED,
    PayoutStatus.REVIEW: EventType.PAYOUT_REVIEW,
}


def refund_event_type(after: RefundStatus) -> EventType | None:
    """Return the event that a refund's transition to `after` publishes; None if there is none."""
    return _REFUND_EVENTS.get(after)


def payout_event_type(after: PayoutStatus) -> EventType | None:
    """Return the event that a payout's transition to `after` publishes; None if there is none."""
    return _PAYOUT_EVENTS.get(after)


def batch_event_type(edge: str, after: BatchStatus) -> EventType | None:
    """Return the event of a batch's creation (`created`) or transition `edge`; None if there is none."""
    if edge == "created" and after is BatchStatus.WAITING_APPROVAL:
        return EventType.PAYOUT_BATCH_WAITING_APPROVAL
    return EventType.PAYOUT_BATCH_DONE if edge == "finished" else None
