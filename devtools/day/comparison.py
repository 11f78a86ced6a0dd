"""The day's movements of money by receipt, from M-Pesa's ledger and from the service's record."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from devtools.day.client import Json
from devtools.day.plan import is_of

PAID = frozenset({"succeeded", "partially_refunded", "refunded", "review"})
"""A payment in `review` that has a receipt counts too: a person decides where its money belongs."""

STK, C2B = "STK payments", "C2B payments"
KINDS = (STK, C2B, "refunds by B2C", "reversals", "payouts")


@dataclass
class Movements:
    """Whole shillings by receipt, for each kind of movement."""

    entries: dict[str, dict[str, int]] = field(default_factory=lambda: {kind: {} for kind in KINDS})

    def add(self, kind: str, receipt: str, amount: int) -> None:
        """Add a movement. A duplicate receipt is kept under another key, so that it shows as a difference."""
        entries = self.entries[kind]
        entries[f"{receipt} (duplicate)" if receipt in entries else receipt] = amount

    def count(self, kind: str) -> int:
        """Return the number of movements of a kind."""
        return len(self.entries[kind])

    def sum(self, kind: str) -> int:
        """Return the sum of the movements of a kind."""
        return sum(self.entries[kind].values())


def ledger_movements(ledger: Json) -> Movements:
    """Return the movements of the simulator's ledger. The phone number shows whether a credit is a payout."""
    movements = Movements()
    for debit in ledger["debits"]:
        movements.add(C2B if debit["kind"] == "c2b" else STK, debit["receipt"], debit["amount"])
    for credit in ledger["credits"]:
        kind = "payouts" if is_of(credit["msisdn"], "payout") else "refunds by B2C"
        kind = "reversals" if credit["kind"] == "reversal" else kind
        movements.add(kind, credit["receipt"], credit["amount"])
    for transfer in ledger["transfers"]:
        movements.add("payouts", transfer["receipt"], transfer["amount"])
    return movements


def record_movements(payments: Iterable[Json], refunds: Iterable[Json], payouts: Iterable[Json]) -> Movements:
    """Return the movements of the service's record. Only what is done counts."""
    movements = Movements()
    for payment in payments:
        if payment["status"] in PAID and payment["mpesaReceiptNumber"]:
            kind = C2B if payment["channel"] == "c2b" else STK
            movements.add(kind, payment["mpesaReceiptNumber"], payment["amount"])
    for refund in refunds:
        if refund["status"] == "succeeded":
            kind = "reversals" if refund["method"] == "reversal" else "refunds by B2C"
            movements.add(kind, refund["mpesaReceiptNumber"], refund["refundAmount"])
    for payout in payouts:
        if payout["status"] == "succeeded":
            movements.add("payouts", payout["mpesaReceiptNumber"], payout["amount"])
    return movements


def differences(ledger: Movements, record: Movements) -> list[str]:
    """Return a sentence for each receipt that only one side has, or whose amounts differ."""
    found: list[str] = []
    for kind in KINDS:
        ours, theirs = record.entries[kind], ledger.entries[kind]
        differing = (one for one in sorted(ours.keys() | theirs.keys()) if ours.get(one) != theirs.get(one))
        found.extend(
            f"{kind}: {one} is {_amount(theirs, one)} in M-Pesa's ledger, {_amount(ours, one)} in the record"
            for one in differing
        )
    return found


def _amount(entries: Mapping[str, int], receipt: str) -> str:
    return f"KES {entries[receipt]:,}" if receipt in entries else "missing"
