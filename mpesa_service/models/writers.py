"""Waits for the transactions that write to a table."""

from datetime import timedelta
from time import monotonic, sleep

from sqlalchemy import text
from sqlalchemy.orm import Session

from mpesa_service.models.base import Base

PAUSE_SECONDS = 0.005
_WRITERS = text("""
    SELECT virtualtransaction FROM pg_locks
    WHERE relation = CAST(:name AS regclass) AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
""")


def wait_for_writers(session: Session, table: type[Base], limit: timedelta) -> None:
    """Wait, without a lock, until the transactions that write to the table now have ended; at most `limit`.

    A statement locks the table before it takes its snapshot. So what was written without seeing the caller's
    last commit can be read afterwards. SQLite has one writer at a time, so there is nothing to wait for.
    """
    if session.get_bind().dialect.name == "sqlite":
        return
    name = {"name": table.__tablename__}
    end = monotonic() + limit.total_seconds()
    running = set(session.scalars(_WRITERS, name))
    while running and monotonic() < end:
        sleep(PAUSE_SECONDS)
        running &= set(session.scalars(_WRITERS, name))
