"""The invariants of C2B payments and expected orders, in the database and in the simulator's ledger."""

from collections.abc import Iterator, Sequence

from sqlalchemy import func, or_, select

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.callbacks import CallbackKind
from mpesa_service.domain.money import CENTS
from mpesa_service.domain.states import PAID
from mpesa_service.models import C2bConfirmation, CallbackInbox, ExpectedOrder, Payment
from mpesa_service.verification.common import BATCH, Json, Tally, Violation

CONFIRMATION = "c2b_confirmation"
ANSWERED = 200


def verify_c2b(runtime: Runtime, tally: Tally) -> Iterator[Violation]:
    """Yield every violation that the database alone shows."""
    yield from confirmations_are_booked(runtime, tally)
    yield from orders_add_up(runtime, tally)


def confirmations_are_booked(runtime: Runtime, tally: Tally) -> Iterator[Violation]:
    """Every confirmation belongs to a payment, is due for a retry, or is listed as a fractional amount."""
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
    with runtime.database.read() as session:
        count = session.scalar(select(func.count()).select_from(C2bConfirmation)) or 0
        found = session.scalars(lost.limit(BATCH)).all()
        other = session.execute(differing.limit(BATCH)).all()
    tally.counts["confirmations"] += count
    name = confirmations_are_booked.__name__
    for receipt in found:
        yield Violation(name, receipt, "this confirmation belongs to no payment, and no retry is scheduled")
    for receipt, cents, amount in other:
        yield Violation(name, receipt, f"it confirms {cents} cents, but its payment is {amount} shillings")


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
