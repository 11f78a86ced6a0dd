"""Finds the payment that an operator names: by its id, its receipt, or its order.

A receipt or an order is accepted only if it names exactly one payment: commands move money.
"""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import normal_receipt
from mpesa_service.errors import Conflict, NotFound
from mpesa_service.models import Payment, Payout, Refund
from mpesa_service.models.payments import Provider
from mpesa_service.payments.lookup import find_payment

MOST_NAMED = 5
"""Payments of one order that the error lists."""


def named_payment(runtime: Runtime, principal: Principal, text: str) -> str:
    """Return the id of the payment with this `_id`, CheckoutRequestID, receipt, or order.

    An id comes first, so that no order can hide a payment. Raise Conflict if the text names several
    payments, or a refund or payout, and NotFound if it names nothing. For admins only.
    """
    text = text.strip()
    with runtime.database.read() as session:
        try:
            return find_payment(session, runtime, principal, text).id
        except NotFound:
            if not text.isprintable():  # PostgreSQL takes no NUL in a text
                raise
        found = _by_receipt_or_order(session, text)
        if len(found) == 1:
            return found[0].id
        if found:
            raise _several(text, found)
        _refuse_other_records(session, text)
    raise NotFound(f"There is no payment with the id, receipt or order id {text or '(empty)'}.")


def _by_receipt_or_order(session: Session, text: str) -> Sequence[Payment]:
    """Return the payments, the newest first. One statement for each index."""
    receipt = select(Payment).where(
        Payment.provider == Provider.MPESA, Payment.receipt == normal_receipt(text)
    )
    latest = Payment.created_at.desc(), Payment.id.desc()
    order = select(Payment).where(Payment.order_id == text).order_by(*latest).limit(MOST_NAMED + 1)
    found = {row.id: row for statement in (receipt, order) for row in session.scalars(statement)}
    return list(found.values())


def _several(text: str, found: Sequence[Payment]) -> Conflict:
    listed = "; ".join(_in_words(row) for row in found[:MOST_NAMED])
    more = "; …" if len(found) > MOST_NAMED else ""
    return Conflict(
        f"{text} names several payments. Give the id of one: {listed}{more}.",
        code="several_payments",
    )


def _in_words(row: Payment) -> str:
    receipt = f", receipt {row.receipt}" if row.receipt else ""
    return f"{row.id} ({row.state.public}, {row.amount:,}.00{receipt})"


def _refuse_other_records(session: Session, text: str) -> None:
    """Raise Conflict if the text names a refund or a payout, by its id or receipt."""
    receipt = normal_receipt(text)
    refund = session.scalars(select(Refund).where(or_(Refund.id == text, Refund.receipt == receipt))).first()
    if refund is not None:
        message = (
            f"{text} is refund {refund.id}, not a payment. It is a refund of payment {refund.payment_id}."
        )
        raise Conflict(message, code="is_refund", details={"paymentId": refund.payment_id})
    payout = session.scalars(select(Payout).where(or_(Payout.id == text, Payout.receipt == receipt))).first()
    if payout is not None:
        message = f"{text} is payout {payout.id} of batch {payout.batch_id}, not a payment."
        raise Conflict(message, code="is_payout", details={"payoutId": payout.id})
