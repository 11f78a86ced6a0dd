"""The invariants of C2B payments and expected orders."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, func, or_, select

from mpesa_service.c2b.arrivals import arrival_of_payment
from mpesa_service.c2b.booking import FITS_NO_ORDER, order_for
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.confirmation_checks import CheckResult
from mpesa_service.domain.counting import counted
from mpesa_service.domain.facts import OrderFacts
from mpesa_service.domain.money import CENTS, shillings
from mpesa_service.domain.orders import CLOSED, STILL_DUE, AmountRule, order_status
from mpesa_service.domain.paid_at import believed
from mpesa_service.domain.reports import Evidence
from mpesa_service.domain.states import OPEN, PAID, PaymentStatus
from mpesa_service.models import C2bConfirmation, ExpectedOrder, Payment, PaymentEvent
from mpesa_service.verification.common import BATCH, Tally, Violation, read_pages


def verify_c2b(runtime: Runtime, tally: Tally) -> Iterator[Violation]:
    """Yield every violation that the database alone shows."""
    yield from confirmations_are_booked(runtime, tally)
    yield from mpesa_time_is_kept(runtime)
    yield from unmatched_fits_none(runtime)
    yield from orders_add_up(runtime, tally)
    yield from order_status_fits(runtime)
    yield from payments_know_their_order(runtime)
    yield from refuted_money_is_in_review(runtime)


def confirmations_are_booked(runtime: Runtime, tally: Tally) -> Iterator[Violation]:
    """Every confirmation belongs to a payment, is due for a retry, or is listed as a fractional amount.

    Its payment has the same amount and, if no claim and no person named another one, the same receipt.
    """
    lost = select(C2bConfirmation.receipt).where(
        C2bConfirmation.payment_id.is_(None),
        C2bConfirmation.retry_at.is_(None),
        or_(C2bConfirmation.amount_cents % CENTS == 0, C2bConfirmation.fractional_id.is_(None)),
    )
    differing = (
        select(C2bConfirmation.receipt, C2bConfirmation.amount_cents, Payment.amount)
        .join(Payment, Payment.id == C2bConfirmation.payment_id)
        .where(Payment.receipt == C2bConfirmation.receipt, Payment.status.in_(PAID))
        .where(C2bConfirmation.amount_cents != Payment.amount * CENTS)
        .where(C2bConfirmation.disputed_cents.is_distinct_from(Payment.amount * CENTS))
    )
    settled = select(PaymentEvent.id).where(
        PaymentEvent.payment_id == Payment.id, PaymentEvent.cause == "settled_by_operator"
    )
    unlike = (
        select(C2bConfirmation.receipt, Payment.receipt)
        .join(Payment, Payment.id == C2bConfirmation.payment_id)
        .where(Payment.receipt.is_distinct_from(C2bConfirmation.receipt), Payment.status.in_(PAID))
        .where(Payment.mismatch.is_(None), Payment.claimed_receipt.is_(None), ~settled.exists())
    )
    with runtime.database.read() as session:
        count = session.scalar(select(func.count()).select_from(C2bConfirmation)) or 0
        found = session.scalars(lost.limit(BATCH)).all()
        other = session.execute(differing.limit(BATCH)).all()
        of_others = session.execute(unlike.limit(BATCH)).all()
    tally.counts["confirmations"] += count
    name = confirmations_are_booked.__name__
    for receipt in found:
        yield Violation(name, receipt, "this confirmation belongs to no payment, and no retry is scheduled")
    for receipt, cents, amount in other:
        yield Violation(
            name, receipt, f"it confirms {shillings(cents)} shillings, but its payment is {amount:,}"
        )
    for receipt, stored in of_others:
        yield Violation(name, receipt, f"it is of a payment whose receipt is {stored or 'not known'}")


def mpesa_time_is_kept(runtime: Runtime) -> Iterator[Violation]:
    """A paid payment has M-Pesa's time, if the report of its money states one that can be true."""
    stated = (
        select(C2bConfirmation.receipt, C2bConfirmation.transacted_at, C2bConfirmation.received_at)
        .join(Payment, Payment.id == C2bConfirmation.payment_id)
        .where(Payment.receipt == C2bConfirmation.receipt, Payment.status.in_(PAID))
        .where(Payment.paid_at.is_(None), C2bConfirmation.transacted_at.is_not(None))
    )
    with runtime.database.read() as session:
        rows = session.execute(stated.order_by(C2bConfirmation.id).limit(BATCH)).all()
    for receipt, transacted_at, received_at in rows:
        if believed(transacted_at, received_at) is not None:
            sentence = f"M-Pesa states {transacted_at} as the time of payment, but its payment has no time"
            yield Violation(mpesa_time_is_kept.__name__, receipt, sentence)


def unmatched_fits_none(runtime: Runtime) -> Iterator[Violation]:
    """No unmatched money names an order that takes it, unless the next attempt to match it is scheduled."""
    after = ""
    while rows := _unmatched(runtime, after):
        after = rows[-1].Payment.id
        for row in rows:
            order = order_for(
                runtime, arrival_of_payment(runtime.encryption, row.Payment, row.C2bConfirmation)
            )
            if isinstance(order, OrderFacts):
                sentence = f"it fits no order, but its payer named the expected order {order.reference}"
                yield Violation(unmatched_fits_none.__name__, row.Payment.id, sentence)


def _unmatched(runtime: Runtime, after: str) -> list[Row[Any]]:
    statement = (
        select(Payment, C2bConfirmation)
        .join(C2bConfirmation, C2bConfirmation.payment_id == Payment.id)
        .where(Payment.status == PaymentStatus.REVIEW, Payment.order_id.is_(None), Payment.id > after)
        .where(Payment.failure_reason.in_(FITS_NO_ORDER), C2bConfirmation.retry_at.is_(None))
        .order_by(Payment.id)
        .limit(BATCH)
    )
    with runtime.database.read() as session:
        return list(session.execute(statement))


def orders_add_up(runtime: Runtime, tally: Tally) -> Iterator[Violation]:
    """The received amount of an expected order is the sum of its payments, less the refunds."""
    received = func.coalesce(func.sum(Payment.amount - Payment.refunded_amount), 0)
    paid = (
        select(received)
        .where(Payment.expected_order_id == ExpectedOrder.id, Payment.status.in_(PAID))
        .scalar_subquery()
    )
    wrong = select(ExpectedOrder.reference, ExpectedOrder.received_amount, paid).where(
        ExpectedOrder.received_amount != paid
    )
    with runtime.database.read() as session:
        tally.counts["orders"] += session.scalar(select(func.count()).select_from(ExpectedOrder)) or 0
        found = session.execute(wrong.limit(BATCH)).all()
    for reference, received, total in found:
        sentence = (
            f"its received amount is {counted(received, 'shilling')}, but its payments add up to {total}"
        )
        yield Violation(orders_add_up.__name__, reference, sentence)


def order_status_fits(runtime: Runtime) -> Iterator[Violation]:
    """An expected order has the status of its received amount, or is closed with an amount missing."""
    for orders in read_pages(runtime, ExpectedOrder, lambda _session, orders: orders):
        for order in orders:
            rule = AmountRule(order.amount_rule) if order.amount_rule else None
            status = order_status(order.amount_due, order.received_amount, rule)
            if order.status != status and not (order.state in CLOSED and status in STILL_DUE):
                sentence = f"it is {order.status} with {order.received_amount} of {order.amount_due} received"
                yield Violation(order_status_fits.__name__, order.reference, sentence)


def payments_know_their_order(runtime: Runtime) -> Iterator[Violation]:
    """A paid payment refers to the expected order that counts it, and to no other.

    No caller has an open payment of an order that belongs to another caller.
    """
    counts = or_(ExpectedOrder.shop_wide, ExpectedOrder.owner == Payment.owner)
    columns = select(Payment.id, Payment.status, ExpectedOrder.reference)
    linked = columns.join(ExpectedOrder, ExpectedOrder.id == Payment.expected_order_id)
    wrong = linked.where(or_(Payment.order_id.is_distinct_from(ExpectedOrder.reference), ~counts))
    named = columns.join(ExpectedOrder, ExpectedOrder.reference == Payment.order_id).where(
        Payment.expected_order_id.is_(None)
    )
    found = {
        "does not belong to": wrong,
        "is not counted by": named.where(Payment.status.in_(PAID), counts),
        "another caller has registered": named.where(Payment.status.in_(OPEN), ~counts),
    }
    for what, statement in found.items():
        with runtime.database.read() as session:
            rows = session.execute(statement.order_by(Payment.id).limit(BATCH)).all()
        for payment_id, status, reference in rows:
            sentence = f"it is {status}, and {what} the expected order {reference}"
            yield Violation(payments_know_their_order.__name__, payment_id, sentence)


def refuted_money_is_in_review(runtime: Runtime) -> Iterator[Violation]:
    """A payment that rests only on a confirmation is not paid if M-Pesa says that its money never came."""
    statement = (
        select(Payment.id, C2bConfirmation.receipt)
        .join(C2bConfirmation, C2bConfirmation.payment_id == Payment.id)
        .where(C2bConfirmation.check_result == CheckResult.REFUTED, Payment.status.in_(PAID))
        .where(Payment.evidence == Evidence.CONFIRMATION)
    )
    with runtime.database.read() as session:
        found = session.execute(statement.order_by(Payment.id).limit(BATCH)).all()
    for payment_id, receipt in found:
        sentence = f"it is paid, but M-Pesa does not confirm its receipt {receipt}"
        yield Violation(refuted_money_is_in_review.__name__, payment_id, sentence)
