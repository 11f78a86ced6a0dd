"""The two transactions of a payment that goes its usual way: a chain of writes each, one trip to PostgreSQL.

Nothing is read beforehand. In the first the key decides; in the second that the payment is as it was written.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from mpesa_service.domain.principal import Principal
from mpesa_service.extensions import tell_of
from mpesa_service.models import ExpectedOrder, Payment
from mpesa_service.models.base import Base
from mpesa_service.models.chain import Changed, Inserted, Link, Links, Missing, was, write_in_chain
from mpesa_service.models.statements import by_column
from mpesa_service.models.together import Row, Waiting, held_back
from mpesa_service.services import idempotency
from mpesa_service.services.idempotency import Answer, KeyedRequest
from mpesa_service.services.orders import expected_order_id
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import Cause, begin_payment

AS_IT_WAS = ("id", "status", "event_count", "asks_made")
"""Columns of which one at least is changed by whoever has a say in what becomes of a payment."""


class _Overtaken(Exception):
    """Somebody else has the key or has changed the payment, or the order is announced: nothing is written."""


def write_intent(
    runtime: Runtime, principal: Principal, columns: Mapping[str, Any], request: KeyedRequest | None
) -> Payment:
    """Claim the key and write the payment; return it as it is stored, and in no session.

    Raises TryLater when somebody else has the key, Conflict when the announced order takes no such payment,
    and IntegrityError when another payment of the order or the phone is in the way.
    """
    order_id, now = columns["order_id"], runtime.clock()
    payment, cause = Payment(**columns), Cause(principal.subject, now)
    unannounced = Missing(ExpectedOrder, ("reference",)), was({"reference": order_id})
    draft = Session()
    with suppress(_Overtaken):
        _write_all(runtime, draft, [unannounced, *_intent(draft, payment, cause, request)])
        return payment
    with runtime.database.begin() as session:
        payment.expected_order_id = expected_order_id(session, principal, order_id, payment.amount, now)
        intent = _intent(session, payment, cause, request)
        written = write_in_chain(session.connection(), intent)
        if not written and idempotency.forget_expired(session, request, now):
            written = write_in_chain(session.connection(), intent)
        if not written:
            raise idempotency.in_use()
    return payment


def conclude_at_once(
    runtime: Runtime,
    payment: Payment,
    move: Callable[[Session], None],
    answer: Callable[[], Answer],
    request: KeyedRequest | None,
) -> Answer | None:
    """Have `move` change a payment that is in no session; store that, and the answer that it then has.

    Return the answer; None unless the payment is still as it was written, and the answer the first: whoever
    answers under the key moves the payment, so where it is as it was, all is stored, and else nothing.
    """
    before, draft = _values(payment), Session()
    with held_back(draft) as trail:
        move(draft)
    change = {name: value for name, value in _values(payment).items() if before.get(name) != value}
    at_first = {name: before[name] for name in AS_IT_WAS}
    changed = Changed(Payment, tuple(change), AS_IT_WAS), {**change, **was(at_first)}
    given = answer()
    stored = idempotency.complete_last(runtime, request, given)
    try:
        _write_all(runtime, draft, [changed, *_new_rows(trail), *stored])
    except (_Overtaken, IntegrityError):
        return None
    return given


def _intent(session: Session, payment: Payment, cause: Cause, request: KeyedRequest | None) -> Links:
    """Return the key, the payment and its first trail line; the key is first: it decides who acts."""
    with held_back(session) as trail:
        begin_payment(session, payment, cause)
    claim = idempotency.claim_first(request, payment.id, cause.at)
    return [*claim, _new(Payment, _values(payment)), *_new_rows(trail)]


def _write_all(runtime: Runtime, draft: Session, links: Links) -> None:
    """Write the chain, and then tell of what was drafted in a session that is never connected."""
    with runtime.database.statements() as connection:
        if not write_in_chain(connection, links):
            raise _Overtaken
    tell_of(draft)


def _values(payment: Payment) -> dict[str, Any]:
    return by_column(Payment, {name: value for name, value in vars(payment).items() if name[0] != "_"})


def _new_rows(waiting: Waiting) -> Links:
    """Return rows that were held back as links; an event with its deliveries is none."""
    rows = [(what, values) for what, values in waiting if isinstance(what, Row)]
    if len(rows) != len(waiting):
        raise TypeError("only rows can be part of a chain")
    return [_new(what.table, values) for what, values in rows]


def _new(table: type[Base], values: Mapping[str, Any]) -> tuple[Link, Mapping[str, Any]]:
    """Return a new row as a link; every value costs, and a column that is left out is NULL."""
    told = {name: value for name, value in values.items() if value is not None}
    return Inserted(table, tuple(told)), told
