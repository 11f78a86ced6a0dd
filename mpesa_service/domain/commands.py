"""The kinds of commands that M-Pesa takes now and answers later."""

from enum import StrEnum


class Stage(StrEnum):
    """Where a command stands, in the words that its own kind of status shares with all others."""

    SUBMITTING = "submitting"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REVIEW = "review"


UNDER_WAY = frozenset({Stage.SUBMITTING, Stage.PENDING, Stage.UNKNOWN})
"""It may still be carried out."""


class RefundMethod(StrEnum):
    """How money goes back: a payout to the phone, or the reversal of the whole payment."""

    B2C = "b2c"
    REVERSAL = "reversal"


class PayoutType(StrEnum):
    """Whom a payout goes to, and by which API."""

    B2C = "b2c"
    B2POCHI = "b2pochi"
    PAYBILL = "paybill"
    BUY_GOODS = "buy_goods"


class InquiryKind(StrEnum):
    """What is asked."""

    STATUS = "status"
    """What became of a transaction, by its receipt."""
    BALANCE = "balance"
    """How much the shortcode's accounts hold."""


class BatchStatus(StrEnum):
    """Whether the rows of a batch may be sent."""

    WAITING_APPROVAL = "waiting_approval"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    """No further row is sent; those under way come to their end."""
    DONE = "done"
    """Every row has come to its end."""
