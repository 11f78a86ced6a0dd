"""The day's money twice: as M-Pesa's ledger has it, and as the service's record has it, by receipt."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from devtools.day.client import Json
from devtools.day.plan import is_of

PAID = frozenset({"succeeded", "partially_refunded", "refunded", "review"})
"""A payment in `review` that has a receipt holds money, too: a person decides whose."""

KINDS = ("prompted payments", "menu payments", "refunds by B2C", "reversals", "payouts")


@dataclass
class Book:
    """Whole shillings by receipt, for each kind of movement."""

    entries: dict[str, dict[str, int]] = field(default_factory=lambda: {kind: {} for kind in KINDS})

    def add(self, kind: str, receipt: str, amount: int) -> None:
        """Note a movement. The same receipt twice in one book is kept as two, and shows as a difference."""
        entries = self.entries[kind]
        entries[f"{receipt} again" if receipt in entries else receipt] = amount

    def count(self, kind: str) -> int:
        return len(self.entries[kind])

    def sum(self, kind: str) -> int:
        return sum(self.entries[kind].values())


def ledger_book(ledger: Json) -> Book:
    """Read the simulator's ledger. A payout's credit is told from a refund's by whose phone it is."""
    book = Book()
    for debit in ledger["debits"]:
        kind = "menu payments" if debit["kind"] == "c2b" else "prompted payments"
        book.add(kind, debit["receipt"], debit["amount"])
    for credit in ledger["credits"]:
        kind = "payouts" if is_of(credit["msisdn"], "payout") else "refunds by B2C"
        kind = "reversals" if credit["kind"] == "reversal" else kind
        book.add(kind, credit["receipt"], credit["amount"])
    for transfer in ledger["transfers"]:
        book.add("payouts", transfer["receipt"], transfer["amount"])
    return book


def record_book(payments: Iterable[Json], refunds: Iterable[Json], payouts: Iterable[Json]) -> Book:
    """Read the service's record; nothing counts that it does not call done."""
    book = Book()
    for payment in payments:
        if payment["status"] in PAID and payment["mpesaReceiptNumber"]:
            kind = "menu payments" if payment["channel"] == "c2b" else "prompted payments"
            book.add(kind, payment["mpesaReceiptNumber"], payment["amount"])
    for refund in refunds:
        if refund["status"] == "succeeded":
            kind = "reversals" if refund["method"] == "reversal" else "refunds by B2C"
            book.add(kind, refund["mpesaReceiptNumber"], refund["refundAmount"])
    for payout in payouts:
        if payout["status"] == "succeeded":
            book.add("payouts", payout["mpesaReceiptNumber"], payout["amount"])
    return book


def differences(ledger: Book, record: Book) -> list[str]:
    """Return a sentence for each receipt that is in one book only, or with another amount."""
    found: list[str] = []
    for kind in KINDS:
        ours, theirs = record.entries[kind], ledger.entries[kind]
        differing = (one for one in sorted(ours.keys() | theirs.keys()) if ours.get(one) != theirs.get(one))
        found.extend(
            f"{kind}: {one} is {_said(theirs, one)} in M-Pesa's ledger and {_said(ours, one)} in the record"
            for one in differing
        )
    return found


def _said(entries: Mapping[str, int], receipt: str) -> str:
    return f"KES {entries[receipt]:,}" if receipt in entries else "nothing"
