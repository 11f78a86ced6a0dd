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

NOT_PAID = UNDER_WAY | {Stage.REVIEW, Stage.FAILED}
"""The record does not say that the money of the command moved."""


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


class CommandType(StrEnum):
    """What a command does, and for whom: a result code has one meaning for each type."""

    B2C_REFUND = "B2C refund"
    REVERSAL = "reversal"
    B2C_PAYOUT = "B2C payout"
    POCHI_PAYOUT = "Pochi payout"
    PAYBILL_PAYOUT = "pay bill payout"
    TILL_PAYOUT = "till payout"
    STATUS_INQUIRY = "status inquiry"
    BALANCE_INQUIRY = "balance inquiry"


class BatchStatus(StrEnum):
    """Whether the rows of a batch may be sent."""

    WAITING_APPROVAL = "waiting_approval"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    """No more rows are sent. Rows that were sent end normally."""
    DONE = "done"
    """Every row has ended."""
