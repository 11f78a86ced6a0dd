"""Runs migrations against DATABASE_URL.

They need no other setting, except for a step that encrypts stored data: it names the keys that it needs.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from sqlalchemy import Connection, text

from mpesa_service.core.database import Database
from mpesa_service.models import Base

MIGRATION_LOCK = 0x6D70657361
"""PostgreSQL advisory lock: if two operators migrate at once, one waits for the other."""
WAIT_SECONDS = 600


def prepare(connection: Connection) -> None:
    """Wait briefly for locks rather than queue in front of live traffic; one migration at a time."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET lock_timeout = '4s'"))
        connection.execute(text("SET statement_timeout = '60s'"))
        _one_at_a_time(connection)


def _one_at_a_time(connection: Connection) -> None:
    """Try to take the lock, again and again, with no transaction open in between.

    PostgreSQL builds an index concurrently only after all earlier transactions have ended. A migration that
    waited inside the database would be such a transaction, and both would wait for each other.
    """
    for _ in range(WAIT_SECONDS):
        taken = connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()
        if taken:
            return
        time.sleep(1)
    sys.exit("Another migration is at work; try again when it is done.")


@contextmanager
def copying_allowed(connection: Connection) -> Iterator[None]:
    """Let SQLite change a table by copying it: the rows that refer to it must not notice.

    Their references are checked afterwards instead. PostgreSQL alters its tables in place.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
        if broken := driver.execute("PRAGMA foreign_key_check").fetchall():
            sys.exit(f"The migration left {len(broken)} rows without what they refer to: restore the backup.")
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def migrate(connection: Connection) -> None:
    with copying_allowed(connection):
        _migrate(connection)


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        transaction_per_migration=True,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


handed_in = context.config.attributes.get("connection")
if handed_in is not None:
    migrate(handed_in)
else:
    url = os.environ.get("DATABASE_URL")
    if not url:
        sys.exit("DATABASE_URL is not set, for example: DATABASE_URL=sqlite:///mpesa.db")
    database = Database(url)
    with database.engine.connect() as connection:
        prepare(connection)
        migrate(connection)
    database.dispose()
