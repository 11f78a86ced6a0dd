"""Compares what the simulator's ledger, the service and the order service recorded about the same money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_PAID = {"succeeded", "partially_refunded", "refunded"}


@dataclass(frozen=True, slots=True)
class Movements:
    """Amounts in whole shillings by receipt: the customer's payments (debits) and refunds (credits)."""

    debits: dict[str, int]
    credits: dict[str, int]

    @property
    def debited(self) -> int:
        """The sum of the debits."""
        return sum(self.debits.values())

    @property
    def credited(self) -> int:
        """The sum of the credits."""
        return sum(self.credits.values())

    @property
    def net(self) -> int:
        """The debits minus the credits."""
        return self.debited - self.credited


def ledger_movements(ledger: dict[str, Any], msisdn: str) -> Movements:
    """Return one customer's movements from the simulator's ledger."""
    return Movements(_of(ledger["debits"], msisdn), _of(ledger["credits"], msisdn))


def record_movements(payment: dict[str, Any]) -> Movements:
    """Return the movements of the service's record. Only payments and refunds that are done count."""
    debits = {payment["mpesaReceiptNumber"]: payment["amount"]} if payment["status"] in _PAID else {}
    done = [refund for refund in payment["refunds"] if refund["status"] == "succeeded"]
    return Movements(debits, {refund["mpesaReceiptNumber"]: refund["refundAmount"] for refund in done})


def disagreement(ledger: Movements, record: Movements, payment: dict[str, Any]) -> str | None:
    """Return the first difference between ledger and record, or within the record, or None."""
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
    """Return the amounts of a customer's payments from the simulator's ledger."""
    return sorted(_of(ledger["debits"], msisdn).values())


def paid_amounts(payments: Sequence[dict[str, Any]]) -> list[int]:
    """Return the amounts of the payments that the service recorded as paid."""
    return sorted(payment["amount"] for payment in payments if payment["status"] in _PAID)


def first_difference(amounts: Mapping[str, Mapping[str, list[int]]]) -> str | None:
    """Return a sentence about the first order whose amounts differ between the named sources, or None."""
    for order in sorted(set().union(*amounts.values())):
        found = {name: by_order.get(order, []) for name, by_order in amounts.items()}
        if len({tuple(of_order) for of_order in found.values()}) > 1:
            parts = (f"{name} {' and '.join(map(str, found[name])) or 'nothing'}" for name in found)
            return f"the amounts of {order} differ: {', '.join(parts)}"
    return None


def _of(entries: list[dict[str, Any]], msisdn: str) -> dict[str, int]:
    return {entry["receipt"]: entry["amount"] for entry in entries if entry["msisdn"] == msisdn}


def _listed(amounts: dict[str, int]) -> str:
    return ", ".join(f"{receipt} KES {amount:,}" for receipt, amount in amounts.items()) or "none"
