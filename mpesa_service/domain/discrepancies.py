"""Discrepancies: what M-Pesa reports and what fits no payment, refund or payout. A person closes them."""

from enum import StrEnum


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
    UNREAD = "unread"
    """An applied statement has rows that may be money, and that the service could not read."""
