"""Judges the service by M-Pesa's own ledger: what is unknown, booked twice, or of another order."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from mpesa_service.models import C2bConfirmation, CallbackInbox, ExpectedOrder, Payment
from tests.battery.c2b_traffic import Debit, Sale
from tests.battery.stack import Stack

WRITTEN_TO = timedelta(seconds=2)
"""M-Pesa states its time to the second; a confirmation is written a moment after the movement."""
NOT_READ = ("unread", "unreadable")


@dataclass(frozen=True)
class Books:
    """What the service has: payments and fractional amounts by receipt, and orders by reference."""

    payments: Mapping[str, Sequence[Payment]]
    unnamed: Sequence[Payment]
    """Payments that count as paid, and whose receipt is not known."""
    fractional: Mapping[str, C2bConfirmation]
    orders: Mapping[str, ExpectedOrder]

    @classmethod
    def of(cls, stack: Stack) -> "Books":
        by_receipt = defaultdict[str, list[Payment]](list)
        with stack.runtime.database.read() as session:
            rows = list(session.scalars(select(Payment)))
            fractional = select(C2bConfirmation).where(C2bConfirmation.fractional_id.is_not(None))
            listed = {row.receipt: row for row in session.scalars(fractional)}
            orders = {order.reference: order for order in session.scalars(select(ExpectedOrder))}
        for row in rows:
            if row.receipt:
                by_receipt[row.receipt].append(row)
        unnamed = [row for row in rows if not row.receipt and row.status in {"succeeded", "review"}]
        return cls(by_receipt, unnamed, listed, orders)


def unknown_receipts(stack: Stack, debits: Sequence[Debit]) -> list[str]:
    """Return the receipts of the ledger that the service does not know."""
    books = Books.of(stack)
    return [one.receipt for one in debits if one.receipt not in books.payments | books.fractional]


def faults(stack: Stack, debits: Sequence[Debit], found: Sequence[Sale]) -> list[str]:
    """Return each difference between the ledger and the service's books, in a sentence."""
    books = Books.of(stack)
    known = {one.receipt for one in debits}
    strangers = [one for one in [*books.payments, *books.fractional] if one not in known]
    wrong = [f"{receipt}: no customer paid it" for receipt in strangers]
    wrong += [f"payment {row.id} is {row.status} without a receipt" for row in books.unnamed]
    by_typed = {one.typed: one for one in found}
    for debit in debits:
        wrong += [f"{debit.receipt}: {fault}" for fault in _faults(books, debit, by_typed[debit.account])]
    return wrong + list(_of_orders(books, debits, by_typed)) + list(_of_callbacks(stack))


def _faults(books: Books, debit: Debit, sale: Sale) -> Iterator[str]:
    rows = books.payments.get(debit.receipt, ())
    if debit.cents % 100:
        row = books.fractional.get(debit.receipt)
        if row is None or rows:
            yield f"a fractional amount, and it is {'booked' if rows else 'not listed'}"
        elif row.amount_cents != debit.cents or not _same_time(row.transacted_at, debit.at):
            yield f"{debit.cents} cents at {debit.at}, not {row.amount_cents} at {row.transacted_at}"
        return
    if len(rows) != 1:
        yield f"{len(rows)} payments have it"
        return
    [row] = rows
    if row.amount * 100 != debit.cents:
        yield f"{debit.cents} cents, but {row.amount} shillings are booked"
    if not _same_time(row.paid_at, debit.at):
        yield f"paid at {debit.at}, but booked with {row.paid_at} by {row.paid_at_source}"
    fits = sale.typed.upper() == sale.order
    expected = ("succeeded", sale.order) if fits else ("review", None)
    if (row.status, row.order_id) != expected:
        yield f"it is {row.status} for {row.order_id}, not {expected[0]} for {expected[1]}"
    if row.channel != debit.kind:
        yield f"it is money of {debit.kind}, but booked as {row.channel}"


def _same_time(stated: datetime | None, moved: datetime) -> bool:
    return stated is not None and abs(stated - moved) <= WRITTEN_TO


def _of_orders(books: Books, debits: Sequence[Debit], by_typed: Mapping[str, Sale]) -> Iterator[str]:
    """Each expected order received the whole shillings that were paid for it, and nothing else."""
    received = Counter[str]()
    for debit in debits:
        if debit.cents % 100 == 0:
            received[by_typed[debit.account].order] += debit.cents // 100
    for reference, order in books.orders.items():
        paid = 0 if _unpaid(reference, by_typed) else received[reference]
        if order.received_amount != paid:
            yield f"order {reference} received {paid}, but it says {order.received_amount}"


def _unpaid(reference: str, by_typed: Mapping[str, Sale]) -> bool:
    return reference.lower() not in by_typed


def _of_callbacks(stack: Stack) -> Iterator[str]:
    """No callback is left that could not be read: each of the odd ones states its money clearly."""
    statement = select(CallbackInbox.id, CallbackInbox.reason).where(CallbackInbox.verdict.in_(NOT_READ))
    with stack.runtime.database.read() as session:
        for number, reason in session.execute(statement):
            yield f"callback {number} is not read: {reason}"
