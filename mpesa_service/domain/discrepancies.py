"""Discrepancies: what M-Pesa reports and what fits no payment, refund or payout. A person closes them."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from mpesa_service.domain.event_types import EventType
from mpesa_service.domain.money import CURRENCY, shillings
from mpesa_service.domain.plans import Event

SENT_WITHIN = timedelta(days=1)
"""A line may be a refund or payout that was requested within this time before it: a person sends one that
failed again by hand within hours."""
LINE_BEFORE = timedelta(hours=1)
"""A line may be dated so long before the request that it is the money of: clocks differ."""
STATEMENT_WITHDRAWN = "The only statement that shows it was withdrawn:"
"""How the reason begins with which the withdrawal of a statement closes a discrepancy."""


class DiscrepancyKind(StrEnum):
    """What does not fit."""

    REVERSAL = "reversal"
    """A statement shows a reversal that the service did not send, and does not say of which payment."""
    PAYOUT = "payout"
    """A statement shows a payout that is not known here. A refund or payout that is not paid may be it."""
    ACCOUNT = "account"
    """A repeated confirmation names another account reference than the first one."""
    INCOME = "income"
    """A statement shows money that came in, in words that the service does not know."""
    ABSENT = "absent"
    """A statement that proves the time of a payment does not show it."""
    UNREAD = "unread"
    """An applied statement has rows that may be money, and that the service could not read."""


WORDS = {
    DiscrepancyKind.REVERSAL: "a reversal that this service did not send, and that names no payment here",
    DiscrepancyKind.PAYOUT: "a payout that this service does not know",
    DiscrepancyKind.INCOME: "money came in under words that this service does not know, and is not booked",
    DiscrepancyKind.ABSENT: "a statement that proves the time of this payment does not show its receipt",
    DiscrepancyKind.UNREAD: "an applied statement has rows that may be money and were not understood",
    DiscrepancyKind.ACCOUNT: "a repeated confirmation names another account reference than the first one",
}
"""What does not fit, for people."""


def opened_event(columns: Mapping[str, Any]) -> Event:
    """Return the event of a discrepancy that waits for a person from now on, from the columns of its row."""
    kind = DiscrepancyKind(columns["kind"])
    data = {
        "kind": kind.value,
        "mpesaReceiptNumber": columns["receipt"] or None,
        "amount": shillings(columns["amount_cents"]),
        "currency": CURRENCY,
        "resourceId": columns.get("resource_id"),
        "statementId": columns.get("statement_id"),
        "row": columns.get("row_number"),
        "sentence": f"Needs manual review: {WORDS[kind]}.",
    }
    return Event(EventType.DISCREPANCY_OPENED, columns["id"], 1, data, columns["created_at"])
