"""Runs migrations against DATABASE_URL, which is all that they need of the configuration."""

import os
import sys

from alembic import context
from sqlalchemy import Connection, text

from mpesa_service.extensions import Database
from mpesa_service.models import Base

MIGRATION_LOCK = 0x6D70657361
"""PostgreSQL advisory lock: two operators who migrate at once take turns."""


def prepare(connection: Connection) -> None:
    """Wait briefly for locks rather than queue in front of live traffic; one migration at a time."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET lock_timeout = '4s'"))
        connection.execute(text("SET statement_timeout = '60s'"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.commit()


def migrate(connection: Connection) -> None:
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
