"""The invariants of C2B payments and expected orders, in the database and in the simulator's ledger."""

from collections.abc import Iterator, Sequence

from sqlalchemy import func, or_, select

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.callbacks import CallbackKind
from mpesa_service.domain.money import CENTS
from mpesa_service.domain.orders import CLOSED, STILL_DUE, AmountRule, order_status
from mpesa_service.domain.states import OPEN, PAID
from mpesa_service.models import C2bConfirmation, CallbackInbox, ExpectedOrder, Payment, PaymentEvent
from mpesa_service.verification.common import BATCH, Json, Tally, Violation, read_pages

CONFIRMATION = "c2b_confirmation"
ANSWERED = 200


def verify_c2b(runtime: Runtime, tally: Tally) -> Iterator[Violation]:
    """Yield every violation that the database alone shows."""
    yield from confirmations_are_booked(runtime, tally)
    yield from orders_add_up(runtime, tally)
    yield from order_status_fits(runtime)
    yield from payments_know_their_order(runtime)


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
        yield Violation(name, receipt, f"it confirms {cents} cents, but its payment is {amount} shillings")
    for receipt, stored in of_others:
        yield Violation(name, receipt, f"it is of a payment whose receipt is {stored or 'not known'}")


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
        sentence = f"its received amount is {received} shillings, but its payments add up to {total}"
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


def verify_c2b_in_ledger(runtime: Runtime, payload: Json) -> Iterator[Violation]:
    """Yield every violation that the ledger shows."""
    sent = [item for item in payload["callbacks"] if item["kind"] == CONFIRMATION]
    answered = [item["body"] for item in sent if item["status"] == ANSWERED]
    yield from _all_stored(runtime, len(answered))
    receipts = sorted({body["TransID"] for body in answered})
    for start in range(0, len(receipts), BATCH):
        yield from _all_known(runtime, receipts[start : start + BATCH])


def _all_stored(runtime: Runtime, answered: int) -> Iterator[Violation]:
    """Every confirmation that was answered 200 is in the inbox. They all go to one address."""
    of_kind = select(func.count()).where(CallbackInbox.kind == CallbackKind.C2B_CONFIRMATION)
    with runtime.database.read() as session:
        stored = session.scalar(of_kind) or 0
    if stored < answered:
        sentence = f"{answered} confirmations were answered 200, {stored} are in the inbox"
        yield Violation("answered_is_stored", "confirmations", sentence)


def _all_known(runtime: Runtime, receipts: Sequence[str]) -> Iterator[Violation]:
    with runtime.database.read() as session:
        known = set(
            session.scalars(select(C2bConfirmation.receipt).where(C2bConfirmation.receipt.in_(receipts)))
        )
    for receipt in receipts:
        if receipt not in known:
            sentence = "this confirmation was answered 200, but is not stored"
            yield Violation(confirmations_are_booked.__name__, receipt, sentence)
