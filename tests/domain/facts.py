"""Facts about payments, as `load` returns them, for tests of decisions."""

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from mpesa_service.domain.facts import HolderFacts, PaymentFacts
from mpesa_service.domain.reports import NegativeResult
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.models.load import facts_of_new, make_facts

AT = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
PAID_ALREADY = HolderFacts("another", 1, PaymentStatus.SUCCEEDED, 2)
"""Another payment of the same order, which is paid."""
_COLUMNS = facts_of_new(
    {
        "id": "payment",
        "version": 1,
        "provider": "mpesa",
        "channel": "stk",
        "owner": "shop",
        "order_id": "ORDER1",
        "amount": 100,
        "currency": "kes",
        "created_at": AT,
        "updated_at": AT,
    }
).payment


def payment_facts(
    status: PaymentStatus = PaymentStatus.PENDING,
    *,
    order_paid: bool = False,
    receipt_taken: bool = False,
    confirmed: bool = False,
    unresolved: bool = False,
    **columns: Any,
) -> PaymentFacts:
    """Return the facts of a payment of 100 shillings; `columns` are as `changed` takes them."""
    facts = make_facts(
        {**_COLUMNS, "status": status},
        holder=PAID_ALREADY if order_paid else None,
        receipt_taken=receipt_taken,
        confirmed=confirmed,
        unresolved=unresolved,
    )
    return changed(facts, **columns)


def changed(facts: PaymentFacts, **columns: Any) -> PaymentFacts:
    """Return facts with other values in some columns of the payment.

    `negative_result` stands for the columns that keep it.
    """
    if "negative_result" in columns:
        first: NegativeResult | None = columns.pop("negative_result")
        columns["negative_result_code"] = first.result_code if first else None
        columns["negative_result_at"] = first.at if first else None
    beside = {name: getattr(facts, name) for name in _BESIDE}
    return make_facts({**facts.payment, **columns}, **beside)


_OF_COLUMNS = {"payment", "id", "status", "amount", "receipt", "mismatch", "negative_result"}
"""The fields of the facts that follow from the payment's columns."""
_BESIDE = [one.name for one in fields(PaymentFacts) if one.name not in _OF_COLUMNS]
