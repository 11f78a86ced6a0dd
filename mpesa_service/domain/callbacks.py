"""The kinds of callbacks that M-Pesa posts, and the verdicts on them."""

from enum import StrEnum


class CallbackKind(StrEnum):
    STK = "stk"
    COMMAND_RESULT = "command_result"
    COMMAND_TIMEOUT = "command_timeout"
    COMMAND_STATUS_RESULT = "command_status_result"
    """The answer to a transaction status query about a command."""
    COMMAND_STATUS_TIMEOUT = "command_status_timeout"
    C2B_VALIDATION = "c2b_validation"
    C2B_CONFIRMATION = "c2b_confirmation"


class InboxVerdict(StrEnum):
    APPLIED = "applied"
    DUPLICATE = "duplicate"
    DISPUTED = "disputed"
    NOTED = "noted"
    UNMATCHED = "unmatched"
    UNREADABLE = "unreadable"
    """It cannot be read, and did not arrive on a secret address. Anybody can post such a body."""
    UNREAD = "unread"
    """It cannot be read, although it arrived on a secret address: it may report money. A person decides."""
    DISMISSED = "dismissed"
    """It was unread, and a person decided that it needs nothing."""
    FAILED = "failed"
    """Processing raised an error. The body is stored, and the callback is processed again."""


MAX_ATTEMPTS = 10
"""Attempts to process a callback, including those of the job."""
