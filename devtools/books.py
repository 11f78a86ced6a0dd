"""The same money as several wrote it down, to be compared: receipt by receipt, or order by order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_PAID = {"succeeded", "partially_refunded", "refunded"}


@dataclass(frozen=True, slots=True)
class Book:
    """Amounts in whole shillings by receipt: what the customer paid, and what was paid back."""

    debits: dict[str, int]
    credits: dict[str, int]

    @property
    def debited(self) -> int:
        return sum(self.debits.values())

    @property
    def credited(self) -> int:
        return sum(self.credits.values())

    @property
    def net(self) -> int:
        return self.debited - self.credited


def ledger_book(ledger: dict[str, Any], msisdn: str) -> Book:
    """Return all that the simulator's ledger says of one customer."""
    return Book(_of(ledger["debits"], msisdn), _of(ledger["credits"], msisdn))


def service_book(payment: dict[str, Any]) -> Book:
    """Return what the service's record says: nothing counts that it does not call done."""
    debits = {payment["mpesaReceiptNumber"]: payment["amount"]} if payment["status"] in _PAID else {}
    done = [refund for refund in payment["refunds"] if refund["status"] == "succeeded"]
    return Book(debits, {refund["mpesaReceiptNumber"]: refund["refundAmount"] for refund in done})


def disagreement(ledger: Book, record: Book, payment: dict[str, Any]) -> str | None:
    """Return what differs between the books, or within the record; None when nothing does."""
    if payment["refundedAmount"] != record.credited:
        return f"the record's refundedAmount {payment['refundedAmount']} is not the sum of its refunds"
    for name, theirs, ours in (
        ("debits", ledger.debits, record.debits),
        ("credits", ledger.credits, record.credits),
    ):
        if theirs != ours:
            return f"the {name} differ: M-Pesa {_listed(theirs)}, service {_listed(ours)}"
    return None


def debits_of(ledger: dict[str, Any], msisdn: str) -> list[int]:
    """Return the amounts that a customer was debited, by the simulator's ledger."""
    return sorted(_of(ledger["debits"], msisdn).values())


def paid_amounts(payments: Sequence[dict[str, Any]]) -> list[int]:
    """Return the amounts of those payments that the service calls paid."""
    return sorted(payment["amount"] for payment in payments if payment["status"] in _PAID)


def first_difference(books: Mapping[str, Mapping[str, list[int]]]) -> str | None:
    """Return the first order of which not all books, by name, tell the same; None if there is none."""
    for order in sorted(set().union(*books.values())):
        told = {name: book.get(order, []) for name, book in books.items()}
        if len({tuple(amounts) for amounts in told.values()}) > 1:
            words = (f"{name} {' and '.join(map(str, told[name])) or 'nothing'}" for name in told)
            return f"of {order} they say: {', '.join(words)}"
    return None


def _of(entries: list[dict[str, Any]], msisdn: str) -> dict[str, int]:
    return {entry["receipt"]: entry["amount"] for entry in entries if entry["msisdn"] == msisdn}


def _listed(amounts: dict[str, int]) -> str:
    return ", ".join(f"{receipt} KES {amount:,}" for receipt, amount in amounts.items()) or "none"
