"""Suggests expected orders for unmatched money, without a scan of all orders.

By reference: the spellings that are one typo away (at most about 1,500) are looked up in the indexes of the
keys, however many orders there are. The account reference of a prompt is also a key of its order. By amount:
only the latest RECENT orders of each open status are read, and only those with a payment of that payer.
"""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.orm import Session, aliased

from mpesa_service.c2b.arrivals import Arrival
from mpesa_service.core.encryption import Encryption
from mpesa_service.daraja import payer_matches
from mpesa_service.domain.orders import OrderStatus, reference_key
from mpesa_service.domain.suggestions import Resemblance, Suggestion, neighbors, suggest
from mpesa_service.models import ExpectedOrder, Payment

RECENT = 5_000
MOST_ORDERS = 200
MOST_PAYMENTS = 1_000
TAKES_MORE = (OrderStatus.OPEN, OrderStatus.PARTIALLY_PAID)


def suggestions(session: Session, encryption: Encryption, arrival: Arrival) -> tuple[Suggestion, ...]:
    """Return the orders that the money may be meant for, the most likely and newest first."""
    key = reference_key(arrival.bill_reference)
    orders = {order.id: order for order in _by_reference(session, key)}
    if arrival.payer:
        orders |= {order.id: order for order in _by_amount(session, arrival.amount)}
    agreeing = _paid_by_same_phone(
        session, encryption, arrival, [order.reference for order in orders.values()]
    )
    resembling = [
        Resemblance(
            order_id=order.reference,
            keys=(order.reference_key, order.account_key),
            missing=order.missing_amount,
            payer_agrees=order.reference in agreeing,
        )
        for order in sorted(orders.values(), key=lambda order: order.id, reverse=True)
    ]
    return suggest(key, arrival.amount, resembling)


def _by_reference(session: Session, key: str) -> Iterable[ExpectedOrder]:
    if not key:
        return []
    keys = sorted({key, *neighbors(key)})
    named = or_(ExpectedOrder.reference_key.in_(keys), ExpectedOrder.account_key.in_(keys))
    statement = select(ExpectedOrder).where(named, ExpectedOrder.status.in_(TAKES_MORE))
    return session.scalars(statement.order_by(ExpectedOrder.id.desc()).limit(MOST_ORDERS)).all()


def _by_amount(session: Session, amount: int) -> Iterable[ExpectedOrder]:
    """One statement per status, so that each one reads the index on status and id, and stops early."""
    return [order for status in TAKES_MORE for order in session.scalars(_recent(status, amount))]


def _recent(status: OrderStatus, amount: int) -> Select[ExpectedOrder]:
    latest = (
        select(ExpectedOrder)
        .where(ExpectedOrder.status == status)
        .order_by(ExpectedOrder.id.desc())
        .limit(RECENT)
        .subquery()
    )
    order = aliased(ExpectedOrder, latest)
    was_paid_for: ColumnElement[bool] = exists().where(Payment.order_id == order.reference)
    fits = order.amount_due - order.received_amount == amount
    return select(order).where(fits, was_paid_for).order_by(order.id.desc()).limit(MOST_ORDERS)


def _paid_by_same_phone(
    session: Session, encryption: Encryption, arrival: Arrival, references: list[str]
) -> set[str]:
    """Return those of the orders that had a payment, with any outcome, by a payer who may be this one."""
    if not references or not arrival.payer:
        return set()
    statement = (
        select(Payment.order_id, Payment.phone_encrypted, Payment.payer_encrypted)
        .where(Payment.order_id.in_(references))
        .order_by(Payment.id.desc())
        .limit(MOST_PAYMENTS)
    )
    return {
        str(order_id)
        for order_id, phone, payer in session.execute(statement)
        if _may_be_one(encryption, arrival, phone, payer)
    }


def _may_be_one(encryption: Encryption, arrival: Arrival, phone: bytes | None, payer: bytes | None) -> bool:
    if phone is not None:
        return payer_matches(arrival.payer, arrival.payer_kind, encryption.decrypt(phone)) is True
    return payer is not None and encryption.decrypt(payer) == arrival.payer
