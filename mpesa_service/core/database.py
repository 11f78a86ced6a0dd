"""The database: an engine, and the ways of using it."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

from mpesa_service.core.drivers import FairLock, LockTimeout, PostgresDriver, SqliteDriver
from mpesa_service.core.log_format import write_lines
from mpesa_service.domain.plans import LogLine
from mpesa_service.models.driver import Driver

BUSY_TIMEOUT_SECONDS = 15
POOL_TIMEOUT_SECONDS = 5
REST_SECONDS = 1.0
"""A connection that has rested for longer is tried before it is used."""


class Database:
    """An engine and the ways of using it.

    `begin()`, `read()` and `browse()` give a session; `reading()`, `writing()` and `locking()` give a driver
    connection to `load` and `commit`. All are context managers that hold one connection, and nothing longer.

    `begin()` is one transaction: it commits when the block ends and rolls back when it raises. On SQLite it
    takes the write lock at once (BEGIN IMMEDIATE), so that what was read in the block is still true when it
    writes. `read()` takes no locks; every statement sees what was committed before it, which is all that
    PostgreSQL's READ COMMITTED promises within a transaction, so there it does without one, and without the
    two round trips for it.
    """

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url) if self.is_sqlite else _server_engine(url, pool_size)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._readers = sessionmaker(
            self.engine.execution_options(read_only=True, autocommit=True), expire_on_commit=False
        )
        self._writers = FairLock()

    @contextmanager
    def begin(self) -> Iterator[Session]:
        with self._one_writer(), self._sessions.begin() as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        with self._readers() as session:
            yield session

    @contextmanager
    def browse(self) -> Iterator[Session]:
        """Look as `read()` does, with statements whose best plan depends on their values.

        PostgreSQL would soon keep one plan for all values, which reads whole tables for rare ones. At the end
        of a transaction that is rolled back, as this one is, the driver has it forget such plans.
        """
        with self._sessions() as session:
            session.connection(execution_options={"read_only": True})
            yield session

    @contextmanager
    def reading(self) -> Iterator[Driver]:
        """Give a connection that only reads."""
        fairy = self.engine.raw_connection()
        driver: Any = fairy.driver_connection
        errors = partial(self._as_our_error, driver)
        try:
            if self.is_sqlite:
                yield SqliteDriver(driver, errors)
            else:
                driver.autocommit = True
                yield PostgresDriver(driver, errors)
        finally:
            fairy.close()

    @contextmanager
    def writing(self) -> Iterator[Driver]:
        """Give a connection that writes; on SQLite, threads that want one take turns."""
        with self._one_writer(), self.reading() as connection:
            yield connection

    @contextmanager
    def locking(self) -> Iterator[Driver]:
        """Give a connection within one transaction: what it locks (SQLite: everything) stays as it is."""
        with self.writing() as connection, connection.transaction():
            yield connection

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        try:
            with self._writers.hold(BUSY_TIMEOUT_SECONDS):
                yield
        except LockTimeout as error:
            raise exc.TimeoutError("the database was busy for too long") from error

    def _as_our_error(self, connection: Any, error: Exception) -> Exception:
        """Return a driver's error as SQLAlchemy raises it. If the connection is lost, empty the pool."""
        dialect: Any = self.engine.dialect
        if isinstance(error, dialect.loaded_dbapi.Error) and dialect.is_disconnect(error, connection, None):
            self.engine.dispose()  # the other connections of the pool are as old
        return _translated(dialect.loaded_dbapi, error)

    def dispose(self) -> None:
        self.engine.dispose()


def driver_of(session: Session) -> Driver:
    """Return the connection of a session's open transaction, for what is written as `commit` writes it."""
    connection: Any = session.connection().connection.driver_connection
    dialect: Any = session.get_bind().dialect
    errors = partial(_translated, dialect.loaded_dbapi)
    if dialect.name == "sqlite":
        return SqliteDriver(connection, errors, inside=True)
    return PostgresDriver(connection, errors, inside=True)


def _translated(driver: Any, error: Exception) -> Exception:
    """Return a driver's error as SQLAlchemy raises it, without the parameters: they are personal data."""
    if not isinstance(error, driver.Error):
        return error
    if isinstance(error, driver.IntegrityError):
        return exc.IntegrityError(None, None, error)
    kind = exc.OperationalError if isinstance(error, driver.OperationalError) else exc.DBAPIError
    return kind(None, None, error)


def after_commit(session: Session, lines: Iterable[LogLine]) -> None:
    """Write log lines once the session's transaction is committed, and only then."""
    lines = tuple(lines)
    event.listen(session, "after_commit", lambda _: write_lines(lines), once=True)


def _server_engine(url: str, pool_size: int) -> Engine:
    # hide_parameters: a statement's parameters are personal data, and errors end up in logs.
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=2,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_recycle=1_800,
        hide_parameters=True,
    )
    _try_rested_connections(engine)
    _begin_only_transactions(engine)
    return engine


def _begin_only_transactions(engine: Engine) -> None:
    """Have the driver begin a transaction, or not, as the connection's user wants it.

    SQLAlchemy's own way to say so, an isolation level, costs as much as a small statement.
    """

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        alone, driver = options.get("autocommit", False), _driver(connection)
        if "isolation_level" not in options and driver.autocommit is not alone:
            driver.autocommit = alone


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _try_rested_connections(engine: Engine) -> None:
    """Ask a connection that has lain in the pool for a while whether it is alive, and else open another.

    SQLAlchemy's pre-ping asks every time, which costs a busy service a round trip a transaction. What breaks
    within the second that is not covered is an error of that statement, as it would be a moment later; and
    then the pool drops all its connections.
    """

    @event.listens_for(engine, "checkin")
    def rest(_connection: Any, record: Any) -> None:
        record.info["rested_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def use(connection: Any, record: Any, _proxy: Any) -> None:
        since = record.info.get("rested_since")
        if since is not None and time.monotonic() - since > REST_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise exc.DisconnectionError from error


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin behind our back
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
