"""The two transactions of a payment that goes its usual way: a chain of writes each, one trip on PostgreSQL.

Nothing is read beforehand. In the first the key decides; in the second that the payment is as it was written.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, bindparam, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mpesa_service.domain.principal import Principal
from mpesa_service.models import ExpectedOrder, Payment
from mpesa_service.models.base import Base
from mpesa_service.models.chain import Changed, Inserted, Link, Links, was, write_in_chain
from mpesa_service.models.statements import by_column, table_of
from mpesa_service.models.together import Row, Writing, held_back
from mpesa_service.services import idempotency
from mpesa_service.services.idempotency import Answer, KeyedRequest
from mpesa_service.services.orders import expected_order_id
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import Cause, begin_payment

AS_IT_WAS = ("id", "status", "event_count", "asks_made")
"""Columns of which one at least is changed by whoever has a say in what becomes of a payment."""

_REFERENCE = "reference"


class _OfAnOrder(Inserted):
    """A new payment, which refers to the announced order of its order id, if there is one, and tells it."""

    def values(self, prefix: str) -> dict[str, ColumnElement[Any]]:
        orders = table_of(ExpectedOrder).c
        reference = bindparam(prefix + _REFERENCE, type_=orders.reference.type)
        order = select(orders.id).where(orders.reference == reference).scalar_subquery()
        return {**super().values(prefix), "expected_order_id": order}

    def told(self) -> ColumnElement[Any]:
        return table_of(Payment).c.expected_order_id.label("told")


class _Overtaken(Exception):
    """Somebody else has changed the payment or answered under the key."""


def write_intent(
    runtime: Runtime,
    session: Session,
    principal: Principal,
    columns: Mapping[str, Any],
    request: KeyedRequest | None,
) -> Payment:
    """Claim the key and write the payment; return it as it is stored, and not in the session.

    Raises TryLater when somebody else has the key, Conflict when the announced order takes no such payment,
    and IntegrityError when another payment of the order or the phone is in the way.
    """
    now, payment = runtime.clock(), Payment(**columns)
    with held_back(session) as trail:
        begin_payment(session, payment, Cause(principal.subject, now))
    row = _values(payment)
    new = _OfAnOrder(Payment, tuple(row)), {**row, _REFERENCE: payment.order_id}
    claim = idempotency.claim_first(request, payment.id, now)
    links = [*claim, new, *_inserted(trail)]
    told = write_in_chain(session, links)
    if told is None and idempotency.forget_expired(session, request, now):
        told = write_in_chain(session, links)
    if told is None:
        raise idempotency.in_use()
    if told[len(claim)] is not None:
        asked = columns["order_id"], columns["amount"]
        payment.expected_order_id = expected_order_id(session, principal, *asked, now)
    return payment


def conclude_at_once(
    runtime: Runtime,
    payment: Payment,
    move: Callable[[Session], None],
    answer: Callable[[], Answer],
    request: KeyedRequest | None,
) -> Answer | None:
    """Have `move` change a payment that is not in a session, and store it and the answer that it then has.

    None, and nothing is stored, unless the payment is still as it was written, and the answer the first.
    """
    before = _values(payment)
    try:
        with runtime.database.begin() as session:
            with held_back(session) as trail:
                move(session)
            change = {name: value for name, value in _values(payment).items() if before.get(name) != value}
            at_first = {name: before[name] for name in AS_IT_WAS}
            changed = Changed(Payment, tuple(change), AS_IT_WAS), {**change, **was(at_first)}
            given = answer()
            links = [changed, *_inserted(trail), *idempotency.complete_last(runtime, request, given)]
            _write_all(session, links)
    except (_Overtaken, IntegrityError):
        return None
    return given


def _write_all(session: Session, links: Links) -> None:
    if write_in_chain(session, links) is None:
        raise _Overtaken


def _values(payment: Payment) -> dict[str, Any]:
    return by_column(Payment, {name: value for name, value in vars(payment).items() if name[0] != "_"})


def _inserted(waiting: list[tuple[Writing, Mapping[str, Any]]]) -> Links:
    """Return rows that were held back as links; an event with its deliveries is none."""
    rows = [(what, values) for what, values in waiting if isinstance(what, Row)]
    if len(rows) != len(waiting):
        raise TypeError("only rows can be part of a chain")
    return [_new(what.table, values) for what, values in rows]


def _new(table: type[Base], values: Mapping[str, Any]) -> tuple[Link, Mapping[str, Any]]:
    """Return a new row as a link; every value costs, and a column that is left out is NULL."""
    told = {name: value for name, value in values.items() if value is not None}
    return Inserted(table, tuple(told)), told
