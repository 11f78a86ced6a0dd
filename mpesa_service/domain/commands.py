"""The kinds of commands that M-Pesa accepts now and answers later."""

from enum import StrEnum


class Stage(StrEnum):
    """The status of a command, in the words that all kinds of commands share."""

    SUBMITTING = "submitting"
    PENDING = "pending"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REVIEW = "review"


UNDER_WAY = frozenset({Stage.SUBMITTING, Stage.PENDING, Stage.UNKNOWN})
"""The command may still be carried out."""


class RefundMethod(StrEnum):
    """How a refund is paid: by B2C payout to the phone, or by reversal of the whole payment."""

    B2C = "b2c"
    REVERSAL = "reversal"


class PayoutType(StrEnum):
    """The kind of payee of a payout, and the API that pays it."""

    B2C = "b2c"
    B2POCHI = "b2pochi"
    PAYBILL = "paybill"
    BUY_GOODS = "buy_goods"


class InquiryKind(StrEnum):
    STATUS = "status"
    """The outcome of a transaction, by its receipt."""
    BALANCE = "balance"
    """The balances of the shortcode's accounts."""


class BatchStatus(StrEnum):
    """Whether the rows of a batch may be sent."""

    WAITING_APPROVAL = "waiting_approval"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    """No more rows are sent. Rows that were sent end normally."""
    DONE = "done"
    """Every row has ended."""
