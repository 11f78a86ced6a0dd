"""Discrepancies: what M-Pesa reports and what fits no payment, refund or payout. A person closes them."""

from datetime import timedelta
from enum import StrEnum

SENT_WITHIN = timedelta(days=1)
"""A line may be a refund or payout that was requested within this time before it: a person sends one that
failed again by hand within hours."""
LINE_BEFORE = timedelta(hours=1)
"""A line may be dated so long before the request that it is the money of: clocks differ."""


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
