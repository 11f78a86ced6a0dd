"""Whether the database is reachable and its schema is the one that this code was written for."""

from functools import cache
from pathlib import Path

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.services.runtime import Runtime

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "migrations"
MIGRATIONS = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "migrations"
"""The wheel has the migrations in the package (setup.py); a clone has them beside it."""


@cache
def schema_head() -> str | None:
    """Return the newest revision among the migrations."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return ScriptDirectory.from_config(config).get_current_head()


def unready_because(runtime: Runtime) -> str | None:
    """Return a sentence that says what is missing, or None when traffic may come."""
    try:
        with runtime.database.engine.connect() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
    except SQLAlchemyError:
        return "The database cannot be reached."
    if current != schema_head():
        return f"The schema is at {current}, not at {schema_head()}: run mpesa migrate."
    return None
