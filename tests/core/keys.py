"""Idempotency keys, and senders that are killed."""

KEY = {"Idempotency_Key": "key-1"}


class Killed(BaseException):
    """Represents `kill -9`: no code of the service may catch it."""
