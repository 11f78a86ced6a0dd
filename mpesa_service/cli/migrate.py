"""The command that creates and changes the tables: mpesa migrate"""

import os
from pathlib import Path

import click
from alembic import command
from alembic.config import Config
from sqlalchemy.exc import ArgumentError, OperationalError

from mpesa_service.config import database_problem
from mpesa_service.core.database import Database
from mpesa_service.operations.readiness import SCHEMA_REVISION

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "migrations"
MIGRATIONS = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "migrations"
"""The wheel has the migrations in the package (setup.py); a clone has them beside it."""


@click.command("migrate")
def migrate() -> None:
    """Create the tables, or bring them to this version of the service.

    DATABASE_URL names the database. A new database needs no other setting. An upgrade of a database that
    stores account references in clear also needs PHONE_ENCRYPTION_KEYS and PHONE_HASH_KEY. Running the
    command again changes nothing. If two migrations run at the same time, one waits for the other.

    Example: mpesa migrate
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    try:
        _connect()
        command.upgrade(config, "head")
    except OperationalError as error:
        raise click.ClickException(f"The database refused: {' '.join(str(error.orig).split())}") from error
    click.echo(f"The tables are at revision {SCHEMA_REVISION}.")


def _connect() -> None:
    """Connect once, so that a wrong address gets a sentence instead of a traceback."""
    url = os.environ.get("DATABASE_URL", "").strip()
    problem = database_problem(url) if url else "DATABASE_URL is not set. Example: sqlite:///mpesa.db"
    if problem:
        raise click.ClickException(problem)
    try:
        database = Database(url)
    except ArgumentError as error:
        raise click.ClickException("DATABASE_URL cannot be read. Example: sqlite:///mpesa.db") from error
    except ModuleNotFoundError as error:
        needed = f"PostgreSQL needs the package {error.name}: pip install 'mpesa-service[postgres]'"
        raise click.ClickException(needed) from error
    with database.engine.connect():
        database.dispose()
