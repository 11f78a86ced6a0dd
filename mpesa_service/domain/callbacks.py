"""What M-Pesa posts to us, by kind, and what can become of it."""

from enum import StrEnum


class CallbackKind(StrEnum):
    STK = "stk"
    B2C_RESULT = "b2c_result"
    B2C_TIMEOUT = "b2c_timeout"
    STATUS_RESULT = "status_result"
    STATUS_TIMEOUT = "status_timeout"


class InboxVerdict(StrEnum):
    RECEIVED = "received"
    APPLIED = "applied"
    DUPLICATE = "duplicate"
    DISPUTED = "disputed"
    NOTED = "noted"
    UNMATCHED = "unmatched"
    UNREADABLE = "unreadable"
    FAILED = "failed"
    """Applying raised: the body is kept, and is taken up again."""
