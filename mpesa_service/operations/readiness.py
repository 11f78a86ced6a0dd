"""Readiness: the database can be reached, and its schema has the revision of this code."""

from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.core.runtime import Runtime
from mpesa_service.operations.used_keys import keys_problem

SCHEMA_REVISION = "0038"
"""The newest revision of the migrations. It stands here so that a web process does not load Alembic."""
_CURRENT = text("SELECT version_num FROM alembic_version")


def unready_because(runtime: Runtime) -> str | None:
    """Return a sentence that says what is missing, or None if the service is ready."""
    try:
        with runtime.database.engine.connect() as connection:
            known = inspect(connection).has_table("alembic_version")
            current = connection.scalar(_CURRENT) if known else None
    except SQLAlchemyError:
        return "The database cannot be reached."
    if current is None:
        return "The database has no tables: run mpesa migrate."
    if current != SCHEMA_REVISION:
        return f"The schema is at {current}, not at {SCHEMA_REVISION}: run mpesa migrate."
    return None


def not_ready_because(runtime: Runtime) -> str | None:
    """Return why the service is not ready, the keys included, or None."""
    problem = unready_because(runtime)
    if problem is None:
        try:
            problem = keys_problem(runtime)
        except SQLAlchemyError:
            problem = "The database cannot be reached, or not be written."
    return problem
