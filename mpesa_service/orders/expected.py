"""Expected orders: the shop registers them, so that customers can pay them by C2B."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mpesa_service.c2b import retry_matching
from mpesa_service.core.records import record_from
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import SERVICE, Cause
from mpesa_service.domain.orders import STILL_DUE, OrderStatus, SurplusPart, reference_key
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import account_reference, is_order_id, new_id
from mpesa_service.domain.states import UNPAID
from mpesa_service.errors import Conflict, InvalidRequest, NotFound
from mpesa_service.models import ExpectedOrder, Payment
from mpesa_service.models.absence import lock_against_absence
from mpesa_service.models.statements import insert_once, lock_order_where, lock_payment
from mpesa_service.orders.surplus import surplus_of
from mpesa_service.payments.order_admission import order_taken
from mpesa_service.payments.transitions import count_towards_order
from mpesa_service.payments.views import PaymentRecord, payment_record

PAYMENTS_SHOWN = 50
MATCH_AT_ONCE = 10
"""Confirmations that are matched in the request that registers their order. A job matches the others."""


@dataclass(frozen=True)
class ExpectedOrderRequest:
    """The order to register: whole shillings, the end of its validity, and the rule for its amounts."""

    order_id: str
    amount: int
    expires_at: datetime | None
    amount_rule: str | None
    metadata: Mapping[str, Any]


@dataclass(frozen=True)
class OrderState:
    """The present state of an expected order, with its payments, newest first (at most PAYMENTS_SHOWN).

    `surplus` is how to return what was overpaid. In a list, `payments` and `surplus` are empty.
    """

    id: str
    owner: str
    order_id: str
    account_reference: str
    amount_due: int
    amount_rule: str | None
    received_amount: int
    missing_amount: int
    overpaid_amount: int
    status: str
    metadata: Mapping[str, Any]
    expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
    payments: tuple[PaymentRecord, ...]
    surplus: tuple[SurplusPart, ...]


def expect_order(
    runtime: Runtime, principal: Principal, request: ExpectedOrderRequest
) -> tuple[OrderState, bool]:
    """Store an expected order, and count the money that has already arrived; return whether it is new.

    A repeated request returns the stored order. Raises Conflict if the id, or an id that customers would
    spell the same way, belongs to another order, and InvalidRequest if `expires_at` has passed.
    """
    now = runtime.clock()
    if request.expires_at is not None and request.expires_at <= now:
        raise InvalidRequest("expiresAt is in the past.", code="already_expired")
    with runtime.database.begin() as session:
        lock_against_absence(session, request.order_id)
        made = insert_once(session, ExpectedOrder, _columns(principal, request, now))
        if made:
            _count_earlier_payments(runtime, session, principal, request, now)
        else:
            _check_same_terms(session, principal, request)
    if made:
        retry_matching.match_due(runtime, MATCH_AT_ONCE)
    return find_order(runtime, principal, request.order_id), made


def find_order(runtime: Runtime, principal: Principal, order_id: str) -> OrderState:
    """Return an expected order; raise NotFound if there is none that the caller may see."""
    with runtime.database.read() as session:
        order = _visible(session, principal, order_id)
        return _state(session, runtime, principal, order)


def list_orders(
    runtime: Runtime, limit: int, before: str | None = None, status: OrderStatus | None = None
) -> tuple[OrderState, ...]:
    """Return all callers' expected orders, newest first. `before` is the last id of the previous page."""
    statement = select(ExpectedOrder).order_by(ExpectedOrder.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(ExpectedOrder.id < before)
    if status is not None:
        statement = statement.where(ExpectedOrder.status == status)
    with runtime.database.read() as session:
        return tuple(_order_state(order, runtime.clock()) for order in session.scalars(statement))


def cancel_order(runtime: Runtime, principal: Principal, order_id: str) -> OrderState:
    """Close an order, so that later money needs manual review; raise NotFound or Conflict.

    An order that has received money cannot be canceled: refund the money first.
    """
    with runtime.database.begin() as session:
        _visible(session, principal, order_id)
        order = lock_order_where(session, reference=order_id)
        if order is None or (order.state is not OrderStatus.CANCELED and order.received_amount):
            raise Conflict("This order has received money: refund it first.", code="order_has_money")
        order.status = OrderStatus.CANCELED
        order.updated_at = runtime.clock()
        session.flush()
        return _state(session, runtime, principal, order)


def expire_due(runtime: Runtime, limit: int = 500) -> int:
    """Close unpaid orders that have expired; return how many."""
    now = runtime.clock()
    over = (
        select(ExpectedOrder.id)
        .where(ExpectedOrder.expires_at <= now, ExpectedOrder.status.in_(STILL_DUE))
        .limit(limit)
        .with_for_update(skip_locked=True, key_share=True)
    )
    with runtime.database.begin() as session:
        ids = session.scalars(over).all()
        session.execute(
            update(ExpectedOrder)
            .where(ExpectedOrder.id.in_(ids))
            .values(status=OrderStatus.EXPIRED, updated_at=now, version=ExpectedOrder.version + 1)
        )
    return len(ids)


def _columns(principal: Principal, request: ExpectedOrderRequest, now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(now),
        "owner": principal.subject,
        "shop_wide": principal.is_admin,
        "reference": request.order_id,
        "reference_key": reference_key(request.order_id),
        "account_key": reference_key(account_reference(request.order_id)),
        "amount_due": request.amount,
        "amount_rule": request.amount_rule,
        "status": OrderStatus.OPEN,
        "details": dict(request.metadata),
        "expires_at": request.expires_at,
        "created_at": now,
        "updated_at": now,
    }


def _check_same_terms(session: Session, principal: Principal, request: ExpectedOrderRequest) -> None:
    order = session.scalars(select(ExpectedOrder).filter_by(reference=request.order_id)).one_or_none()
    if order is None:
        message = "Another order has a similar id: payments of the two could not be distinguished."
        raise Conflict(message, code="order_id_too_alike")
    stored = (order.amount_due, order.expires_at, order.amount_rule, order.details)
    if order.owner != principal.subject and not (order.shop_wide and principal.is_admin):
        raise order_taken()
    if stored != (request.amount, request.expires_at, request.amount_rule, dict(request.metadata)):
        raise Conflict("This order is already registered with other terms.", code="order_exists")


def _count_earlier_payments(
    runtime: Runtime, session: Session, principal: Principal, request: ExpectedOrderRequest, now: datetime
) -> None:
    """Count earlier payments of the order, and schedule unmatched money to be matched again.

    Only an admin may register an order that other callers have payments of. Any other caller would be
    credited with their money, so the request is refused.
    """
    if _is_paid_by_others(session, principal, request.order_id):
        raise order_taken()
    _count_payments(session, principal, request.order_id, now)
    references = (request.order_id, account_reference(request.order_id))
    retry_matching.retry_references(runtime, session, references, now)


def _is_paid_by_others(session: Session, principal: Principal, order_id: str) -> bool:
    """Return whether other callers have live or paid payments that an order of this caller cannot count."""
    if principal.is_admin:
        return False
    others = select(Payment.id).where(
        Payment.order_id == order_id, Payment.owner != principal.subject, Payment.status.not_in(UNPAID)
    )
    return session.scalars(others.limit(1)).first() is not None


def _count_payments(session: Session, principal: Principal, reference: str, now: datetime) -> None:
    """Make the payments of the order id that no order counts payments of the new order, and count them."""
    uncounted = select(Payment.id).where(Payment.order_id == reference, Payment.expected_order_id.is_(None))
    if not principal.is_admin:
        uncounted = uncounted.where(Payment.owner == principal.subject)
    ids = session.scalars(uncounted.order_by(Payment.id)).all()
    # All of them before the order, like all writers.
    payments = [lock_payment(session, payment_id) for payment_id in ids]
    [order_id] = session.scalars(select(ExpectedOrder.id).filter_by(reference=reference))
    for payment in payments:
        if payment.order_id != reference or payment.expected_order_id is not None:
            continue  # moved to another order before it was locked
        payment.expected_order_id = order_id
        count_towards_order(session, payment, Cause(SERVICE, now))


def _visible(session: Session, principal: Principal, order_id: str) -> ExpectedOrder:
    order = None
    if is_order_id(order_id):
        order = session.scalars(select(ExpectedOrder).filter_by(reference=order_id)).one_or_none()
    if order is None or not principal.may_see(order.owner):
        raise NotFound("There is no such expected order.")
    return order


def _state(session: Session, runtime: Runtime, principal: Principal, order: ExpectedOrder) -> OrderState:
    payments = (
        select(Payment)
        .where(Payment.expected_order_id == order.id)
        .order_by(Payment.created_at.desc(), Payment.id.desc())
        .limit(PAYMENTS_SHOWN)
    )
    if not principal.is_admin:
        payments = payments.where(Payment.owner == principal.subject)
    rows = session.scalars(payments).all()
    shown = tuple(payment_record(session, runtime.encryption, row) for row in rows)
    return replace(_order_state(order, runtime.clock(), shown), surplus=surplus_of(order, rows))


def _order_state(order: ExpectedOrder, now: datetime, payments: tuple[PaymentRecord, ...] = ()) -> OrderState:
    return record_from(
        OrderState,
        order,
        order_id=order.reference,
        account_reference=account_reference(order.reference),
        status=order.status_at(now),
        metadata=order.details,
        payments=payments,
        surplus=(),
    )
