"""Dropping what has had its time."""

from sqlalchemy import delete

from mpesa_service.core.runtime import Runtime
from mpesa_service.models import IdempotencyKey


def prune(runtime: Runtime) -> int:
    """Drop idempotency keys past their 72 hours; return how many."""
    with runtime.database.begin() as session:
        dropped = session.execute(
            delete(IdempotencyKey)
            .where(IdempotencyKey.expires_at <= runtime.clock())
            .returning(IdempotencyKey.id)
        )
        return len(dropped.all())
