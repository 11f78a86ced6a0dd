"""Which order a paid payment counts towards: matches, moves to another order, and matches that are undone.

The payment's money stays as it is. Its refunds stay with it, and count at its new order.
"""

from dataclasses import replace

from mpesa_service.domain.audit import Cause
from mpesa_service.domain.changes import PaymentChange, payment_event_type
from mpesa_service.domain.facts import OrderFacts, PaymentFacts
from mpesa_service.domain.orders import NO_OWNER
from mpesa_service.domain.plans import Plan, Update
from mpesa_service.domain.reports import Verdict
from mpesa_service.domain.states import PAYMENT_TRANSITIONS, PUBLIC, REFUNDABLE, PaymentStatus
from mpesa_service.errors import Conflict

C2B, PROMPTED = "c2b", "stk"
MATCH_UNDONE = "Needs manual review: a person has undone its match to an order."


def match_to_order(change: PaymentChange, order: OrderFacts, cause: Cause) -> None:
    """Match unmatched money in review to an order."""
    change.assign_to_order(order)
    change.set(failure_reason=None)
    change.move("matched", cause)
    follow_refunds(change, cause)


def follow_refunds(change: PaymentChange, cause: Cause) -> None:
    """Move a payment that left review to the status that its refunds make of it."""
    if refunded := change.now["refunded_amount"]:
        whole = refunded == change.now["amount"]
        change.move("refunded_in_whole" if whole else "refunded_in_part", cause)


def is_unmatched(facts: PaymentFacts) -> bool:
    """Return whether this is C2B money without an order: in review, or settled and not being returned."""
    payment = facts.payment
    settled = facts.status in REFUNDABLE and payment["refunding_amount"] == 0
    waits = facts.status is PaymentStatus.REVIEW or settled
    return bool(payment["channel"] == C2B and payment["order_id"] is None and waits)


def is_there(facts: PaymentFacts, order: OrderFacts | None) -> bool:
    """Return whether the payment is one of this order already, or without an order, is unmatched already."""
    if order is None:
        return is_unmatched(facts)
    return bool(facts.payment["order_id"] == order.reference)


def move(facts: PaymentFacts, order: OrderFacts | None, cause: Cause, *, shop_wide: bool = False) -> Plan:
    """Return the plan that makes a paid payment one of another order, or unmatched money (no order).

    `shop_wide`: the order counts all callers' payments. A C2B payment then belongs to the owner of its order.
    A prompted payment stays with the caller who started it. Raises Conflict if the payment cannot be moved.
    """
    _check(facts, order, shop_wide=shop_wide)
    change = PaymentChange(facts)
    left, previous = change.order, facts.payment["order_id"]
    names = {"orderId": order and order.reference, "previousOrderId": previous}
    cause = replace(cause, detail={**(cause.detail or {}), **names})
    edge = "match_undone" if order is None else "moved"
    before, after = change.status, PAYMENT_TRANSITIONS.target(edge, change.status)
    change.order = None
    if order is None:
        change.set(owner=NO_OWNER, order_id=None, expected_order_id=None, details={})
        change.set(failure_reason=MATCH_UNDONE, next_check_at=None)
    else:
        _assign(change, order)
    change.set(status=after, updated_at=cause.at, order_lock=None)
    change.record(edge, cause, before, after)
    data = {"previousStatus": PUBLIC[before], "previousOrderId": previous}
    change.publish(payment_event_type(edge, after), data, cause.at)
    if left is not None:
        change.recount(left, left.received_elsewhere, cause)
    change.count_towards_order(cause)
    plan = change.plan(Verdict.APPLIED, edge)
    return replace(plan, updates=(_no_retry(facts),)) if order is None else plan


def _assign(change: PaymentChange, order: OrderFacts) -> None:
    if change.now["channel"] == C2B:
        change.assign_to_order(order)
    else:  # The caller who started it still reads it, with his own metadata.
        change.order = order
        change.set(order_id=order.reference, expected_order_id=order.id)


def _no_retry(facts: PaymentFacts) -> Update:
    """Return the update that stops the job from matching the money again: a person has undone that match."""
    return Update("c2b_confirmations", {"payment_id": facts.id}, {"retry_at": None}, required=False)


def _check(facts: PaymentFacts, order: OrderFacts | None, *, shop_wide: bool) -> None:
    payment = facts.payment
    details = {"status": facts.status.public, "orderId": payment["order_id"]}
    if payment["channel"] not in {C2B, PROMPTED} or (facts.status not in REFUNDABLE):
        message = f"Only a paid payment can be moved, and this one is {facts.status.public}."
        raise Conflict(message, code="not_movable", details=details)
    if payment["order_id"] is None:
        message = "This money is unmatched. Match it to an order, or return it."
        raise Conflict(message, code="not_matched", details={**details, "_id": facts.id})
    if refunding := payment["refunding_amount"]:
        message = "Money of this payment is being returned. Move the payment when its refunds have ended."
        raise Conflict(message, code="being_refunded", details={**details, "refundingAmount": refunding})
    if payment["channel"] == PROMPTED:
        _check_prompted(facts, order, shop_wide=shop_wide)


def _check_prompted(facts: PaymentFacts, order: OrderFacts | None, *, shop_wide: bool) -> None:
    if order is None:
        message = "A prompted payment is never unmatched. Move it to the order that it is for, or refund it."
        raise Conflict(message, code="prompted_payment", details={"orderId": facts.payment["order_id"]})
    if not shop_wide and order.owner != facts.payment["owner"]:
        message = "This order belongs to another caller than the one who started the payment."
        raise Conflict(message, code="order_taken")
