"""Suggests orders for unmatched money, without a scan of all orders or payments.

By the exact id: expected orders of any status, and orders that are only known from payments.

By reference: the spellings that are one typo away (at most about 1,500) are looked up in the indexes of the
keys, however many orders there are. The account reference of a prompt is also a key of its order. By amount:
only the latest RECENT orders of each open status are read, and only those with a payment of that payer. For a
receipt that was booked without an account, the missing amount alone is enough.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select, union_all
from sqlalchemy.orm import Session, aliased

from mpesa_service.c2b.arrivals import Arrival
from mpesa_service.core.encryption import Encryption
from mpesa_service.daraja import payer_matches
from mpesa_service.domain.orders import OrderStatus, reference_key
from mpesa_service.domain.references import account_reference
from mpesa_service.domain.states import PAID, PaymentStatus
from mpesa_service.domain.suggestions import KnownPayment, Resemblance, Suggestion, neighbors, suggest
from mpesa_service.models import ExpectedOrder, Payment

RECENT = 5_000
MOST_ORDERS = 200
MOST_PAYMENTS = 1_000
MOST_KNOWN = 20
"""Payments that are read of one order id, the latest first."""
TAKES_MORE = (OrderStatus.OPEN, OrderStatus.PARTIALLY_PAID)


def suggestions(
    session: Session,
    encryption: Encryption,
    arrival: Arrival,
    now: datetime,
    *,
    amount_is_enough: bool = False,
) -> tuple[Suggestion, ...]:
    """Return the orders that the money may be meant for: of the typed id, then the most likely and newest.

    `amount_is_enough`: nothing says what the money is for, so orders of its amount are suggested.
    """
    key = reference_key(arrival.bill_reference)
    orders = {order.reference: order for order in _by_reference(session, key)}
    if arrival.payer or amount_is_enough:
        by_amount = _by_amount(session, arrival.amount, was_paid_for=not amount_is_enough)
        orders |= {order.reference: order for order in by_amount}
    exact = [order.reference for order in orders.values() if key in (order.reference_key, order.account_key)]
    known = _known_payments(session, arrival, exact) if key else {}
    references = sorted({*orders, *known})
    agreeing = _paid_by_same_phone(session, encryption, arrival, references)
    registered = sorted(orders.values(), key=lambda order: order.id, reverse=True)
    resembling = [
        Resemblance(
            order_id=order.reference,
            keys=(order.reference_key, order.account_key),
            missing=order.missing_amount,
            payer_agrees=order.reference in agreeing,
            status=order.status_at(now),
            payment=known.get(order.reference),
        )
        for order in registered
    ]
    resembling += [
        Resemblance(order_id, _keys_of(order_id), 0, order_id in agreeing, None, payment)
        for order_id, payment in known.items()
        if order_id not in orders
    ]
    return suggest(key, arrival.amount, resembling, amount_is_enough=amount_is_enough)


def _keys_of(order_id: str) -> tuple[str, str]:
    return reference_key(order_id), reference_key(account_reference(order_id))


def _by_reference(session: Session, key: str) -> Iterable[ExpectedOrder]:
    """Return the orders of the exact id, whatever their status, and those one typo away that take more."""
    if not key:
        return []
    exact = or_(ExpectedOrder.reference_key == key, ExpectedOrder.account_key == key)
    keys = sorted(neighbors(key))
    named = or_(ExpectedOrder.reference_key.in_(keys), ExpectedOrder.account_key.in_(keys))
    near = and_(named, ExpectedOrder.status.in_(TAKES_MORE))
    statement = select(ExpectedOrder).where(or_(exact, near) if keys else exact)
    return session.scalars(statement.order_by(exact.desc(), ExpectedOrder.id.desc()).limit(MOST_ORDERS)).all()


def _known_payments(session: Session, arrival: Arrival, exact: Sequence[str]) -> dict[str, KnownPayment]:
    """Return the payments of the order id that the payer typed, by order id: the paid one, else the latest.

    One statement, of one part for each index: with OR, a database might read all payments in the order of
    their ids.
    """
    typed = arrival.bill_reference.strip()
    parts = [
        _latest_payments(Payment.reference_key == reference_key(typed)),
        _latest_payments(Payment.account_reference == typed.upper()),
        *([_latest_payments(Payment.order_id.in_(exact), Payment.created_at.desc())] if exact else []),
    ]
    found: dict[str, KnownPayment] = {}
    rows = session.execute(union_all(*(select(part.subquery()) for part in parts))).all()
    for order_id, payment_id, status in sorted(rows, key=lambda row: row.id, reverse=True):
        earlier = found.get(order_id)
        if earlier is None or (status in PAID and earlier.status not in PAID):
            found[order_id] = KnownPayment(payment_id, PaymentStatus(status))
    return found


def _latest_payments(
    condition: ColumnElement[bool], order: ColumnElement[Any] | None = None
) -> Select[str | None, str, str]:
    columns = select(Payment.order_id, Payment.id, Payment.status).where(
        condition, Payment.order_id.is_not(None)
    )
    latest = Payment.id.desc() if order is None else order
    return columns.order_by(latest).limit(MOST_KNOWN)


def _by_amount(session: Session, amount: int, *, was_paid_for: bool) -> Iterable[ExpectedOrder]:
    """One statement per status, so that each one reads the index on status and id, and stops early."""
    statements = [_recent(status, amount, was_paid_for=was_paid_for) for status in TAKES_MORE]
    return [order for statement in statements for order in session.scalars(statement)]


def _recent(status: OrderStatus, amount: int, *, was_paid_for: bool) -> Select[ExpectedOrder]:
    """Return the statement for recent orders of this missing amount, perhaps only those with a payment."""
    latest = (
        select(ExpectedOrder)
        .where(ExpectedOrder.status == status)
        .order_by(ExpectedOrder.id.desc())
        .limit(RECENT)
        .subquery()
    )
    order = aliased(ExpectedOrder, latest)
    has_payment: ColumnElement[bool] = exists().where(Payment.order_id == order.reference)
    fits = order.amount_due - order.received_amount == amount
    found = select(order).where(fits).order_by(order.id.desc()).limit(MOST_ORDERS)
    return found.where(has_payment) if was_paid_for else found


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
