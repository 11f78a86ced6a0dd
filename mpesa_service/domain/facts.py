"""Everything that a decision about a payment may depend on, as plain values.

`models/load.py` reads the facts with one query. Nothing else is looked up while a decision is made.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mpesa_service.domain.portal_reversals import PortalReversal
from mpesa_service.domain.reports import Mismatch, NegativeResult
from mpesa_service.domain.states import PaymentStatus


@dataclass(frozen=True)
class HolderFacts:
    """The payment that holds this payment's order lock now, if this one has released it."""

    id: str
    version: int
    status: PaymentStatus
    event_count: int


@dataclass(frozen=True)
class OrderFacts:
    """The expected order that counts a payment. All amounts are in whole shillings.

    `received_elsewhere` is the sum of the order's other paid payments, less their refunds.
    """

    id: str
    version: int
    owner: str
    reference: str
    amount_due: int
    amount_rule: str | None
    received_amount: int
    received_elsewhere: int
    status: str
    expires_at: datetime | None
    details: Mapping[str, Any]


@dataclass(frozen=True)
class PaymentFacts:
    """A payment as it was read. `payment` holds all of its columns by attribute name.

    `models.load.make_facts` builds it from the columns.
    """

    payment: Mapping[str, Any] = field(repr=False)
    id: str
    status: PaymentStatus
    amount: int
    receipt: str | None = None
    mismatch: Mismatch | None = None
    negative_result: NegativeResult | None = None
    holder: HolderFacts | None = None
    order: OrderFacts | None = None
    receipt_taken: bool = False
    """Another payment has the receipt that the report names."""
    claimed_receipt_taken: bool = False
    """Another payment has the receipt that this payment keeps as a claim."""
    confirmed: bool = False
    """C2B, a pull, a transaction status or a statement reports the payment's own receipt and its amount."""
    unresolved: bool = False
    """The payment is in review only because no final report ever arrived."""
    portal_reversal: PortalReversal | None = None
    """A line that reverses, in the portal, the money that the report names, or else the payment's claim."""
