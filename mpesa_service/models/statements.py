"""Statements that insert, lock and find rows. They never commit.

Statements of hot paths are built once: to build one costs as much as to execute it.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Executable, Select, Table, bindparam, inspect, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from mpesa_service.models.base import Base
from mpesa_service.models.orders import ExpectedOrder
from mpesa_service.models.payments import Payment, Refund
from mpesa_service.models.payouts import PayoutBatch

Entity = TypeVar("Entity")


def _locked(statement: Select[Entity]) -> Select[Entity]:
    # populate_existing: values that were read before the lock may have changed when it is granted.
    return statement.with_for_update().execution_options(populate_existing=True)


_LOCK_PAYMENT = _locked(select(Payment).where(Payment.id == bindparam("id")))


def by_column(model: type[Base], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row's values by column name, from its values by attribute name; KeyError for other names."""
    names = columns_of(model)
    return {names[attribute]: value for attribute, value in values.items()}


@cache
def columns_of(model: type[Base]) -> Mapping[str, str]:
    """Return the names of a model's columns by attribute name."""
    return {attribute.key: attribute.columns[0].name for attribute in inspect(model).column_attrs}


def table_of(model: type[Base]) -> Table:
    """Return a model's table, for statements that need no objects."""
    return cast("Table", model.__table__)


def insert_once(session: Session, table: type[Base], values: Mapping[str, Any]) -> bool:
    """Insert a row unless a unique key forbids it; return whether it was inserted.

    On PostgreSQL a second caller waits here until the first one commits or rolls back.
    """
    if session.new:
        session.flush()
    connection = session.connection()
    statement = _insert_once(table, connection.dialect.name)
    return connection.execute(statement, by_column(table, values)).first() is not None


@cache
def _insert_once(table: type[Base], dialect_name: str) -> Executable:
    dialect = sqlite if dialect_name == "sqlite" else postgresql
    statement: Executable = (
        dialect.insert(table_of(table)).on_conflict_do_nothing().returning(*table_of(table).primary_key)
    )
    return statement


def lock_payment(session: Session, payment_id: str) -> Payment:
    """Return the payment, locked to the end of the transaction."""
    return session.scalars(_LOCK_PAYMENT, {"id": payment_id}).one()


def lock_refund_where(session: Session, **columns: str) -> Refund | None:
    """Return the one refund with these unique column values, with its payment locked first.

    Every writer locks the payment before its refunds, so that no two wait for each other.
    """
    found = session.scalars(select(Refund).filter_by(**columns)).one_or_none()
    if found is None:
        return None
    lock_payment(session, found.payment_id)
    return session.scalars(_locked(select(Refund).where(Refund.id == found.id))).one()


def lock_batch(session: Session, batch_id: str) -> PayoutBatch | None:
    """Return a batch of payouts, locked to the end of the transaction, or None."""
    return session.scalars(_locked(select(PayoutBatch).where(PayoutBatch.id == batch_id))).one_or_none()


def order_of(session: Session, reference: str, owner: str) -> str | None:
    """Return the id of the expected order that counts a payment of this order id and owner."""
    found: str | None = session.connection().scalar(_ORDER_OF, {"of_reference": reference, "of_owner": owner})
    return found


_O = table_of(ExpectedOrder).c
_ORDER_OF = select(_O.id).where(
    _O.reference == bindparam("of_reference"), or_(_O.shop_wide, _O.owner == bindparam("of_owner"))
)


def lock_order_where(session: Session, **columns: str) -> ExpectedOrder | None:
    """Return the one expected order with these unique column values, locked, or None.

    Writers lock a payment before its order. This lock does not block inserts of payments that refer to the
    order. With a stronger lock, two such inserts could wait for each other.
    """
    statement = select(ExpectedOrder).filter_by(**columns).with_for_update(key_share=True)
    return session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
