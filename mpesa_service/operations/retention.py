"""Retention: deletes expired rows."""

from sqlalchemy import delete

from mpesa_service.core.runtime import Runtime
from mpesa_service.models import IdempotencyKey


def prune(runtime: Runtime) -> int:
    """Delete expired idempotency keys; return how many."""
    with runtime.database.begin() as session:
        dropped = session.execute(
            delete(IdempotencyKey)
            .where(IdempotencyKey.expires_at <= runtime.clock())
            .returning(IdempotencyKey.id)
        )
        return len(dropped.all())
