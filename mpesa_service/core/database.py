"""The database: an engine, and its sessions and connections."""

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
"""SQLite waits this long for another process to end its transaction."""
QUEUE_TIMEOUT_SECONDS = 60
"""A thread waits this long for the threads of its process that came before it, on SQLite."""
POOL_TIMEOUT_SECONDS = 5
IDLE_SECONDS = 1.0
"""A connection that was idle in the pool for longer is tested before it is used."""


class Database:
    """An engine, and its sessions and connections.

    `begin()`, `read()` and `browse()` give a session. `reading()`, `writing()` and `locking()` give a driver
    connection for `load` and `commit`. All are context managers; each holds one connection for its block.

    `begin()` is one transaction: it commits when the block ends, and rolls back when the block raises. On
    SQLite it takes the write lock at once (BEGIN IMMEDIATE), so that rows read in the block do not change
    before the block writes. `read()` takes no locks: every statement sees what was committed before it.
    PostgreSQL's READ COMMITTED promises no more inside a transaction, so on PostgreSQL `read()` opens none
    and saves its two round trips.
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
        """Read as `read()` does, with statements whose best query plan depends on their values.

        PostgreSQL would soon use one plan for all values, and that plan reads whole tables for rare values.
        This transaction is rolled back at its end; then the driver drops the prepared statements.
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
                if not driver.autocommit:  # to set it again costs as much as a small query's client side
                    driver.autocommit = True
                yield PostgresDriver(driver, errors)
        finally:
            fairy.close()

    @contextmanager
    def writing(self) -> Iterator[Driver]:
        """Give a connection that writes. On SQLite, one thread at a time has one, in the order of arrival."""
        with self._one_writer(), self.reading() as connection:
            yield connection

    @contextmanager
    def locking(self) -> Iterator[Driver]:
        """Give a connection within one transaction: rows that it locks (SQLite: all rows) do not change."""
        with self.writing() as connection, connection.transaction():
            yield connection

    @contextmanager
    def _one_writer(self) -> Iterator[None]:
        if not self.is_sqlite:
            yield
            return
        try:
            with self._writers.hold(QUEUE_TIMEOUT_SECONDS):
                yield
        except LockTimeout as error:
            raise exc.TimeoutError("the database was busy for too long") from error

    def _as_our_error(self, connection: Any, error: Exception) -> Exception:
        """Return a driver's error as SQLAlchemy raises it. If the connection is lost, empty the pool."""
        dialect: Any = self.engine.dialect
        lost = isinstance(error, dialect.loaded_dbapi.Error) and dialect.is_disconnect(
            error, connection, None
        )
        if lost:
            self.engine.dispose()  # the other connections of the pool are probably lost, too
        return _translated(dialect.loaded_dbapi, error, lost=lost)

    def dispose(self) -> None:
        self.engine.dispose()


def driver_of(session: Session) -> Driver:
    """Return the driver connection of a session's open transaction, for statements made as in `commit`."""
    connection: Any = session.connection().connection.driver_connection
    dialect: Any = session.get_bind().dialect
    errors = partial(_translated, dialect.loaded_dbapi)
    if dialect.name == "sqlite":
        return SqliteDriver(connection, errors, inside=True)
    return PostgresDriver(connection, errors, inside=True)


def _translated(driver: Any, error: Exception, *, lost: bool = False) -> Exception:
    """Return a driver's error as SQLAlchemy raises it, without the parameters: they are personal data."""
    if not isinstance(error, driver.Error):
        return error
    if isinstance(error, driver.IntegrityError):
        return exc.IntegrityError(None, None, error)
    kind = exc.OperationalError if isinstance(error, driver.OperationalError) else exc.DBAPIError
    return kind(None, None, error, connection_invalidated=lost)


def after_commit(session: Session, lines: Iterable[LogLine]) -> None:
    """Write log lines after the session's transaction is committed; none if it is rolled back."""
    lines = tuple(lines)
    event.listen(session, "after_commit", lambda _: write_lines(lines), once=True)


def _server_engine(url: str, pool_size: int) -> Engine:
    # hide_parameters: a statement's parameters are personal data, and error texts are logged.
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=2,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_recycle=1_800,
        pool_reset_on_return=None,
        hide_parameters=True,
    )
    _roll_back_open_transactions(engine)
    _ping_idle_connections(engine)
    _begin_only_transactions(engine)
    return engine


def _begin_only_transactions(engine: Engine) -> None:
    """Let the driver begin a transaction only when the connection's user begins one.

    SQLAlchemy's own option for this, an isolation level, costs as much as a small statement.
    """

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        alone, driver = options.get("autocommit", False), _driver(connection)
        if "isolation_level" not in options and driver.autocommit is not alone:
            driver.autocommit = alone


def _roll_back_open_transactions(engine: Engine) -> None:
    """Roll back what a returned connection has left open. Most have left nothing, and cost nothing here."""

    @event.listens_for(engine, "reset")
    def reset(connection: Any, _record: Any, _state: Any) -> None:
        if connection.info.transaction_status:  # 0 is "idle"
            connection.rollback()


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _ping_idle_connections(engine: Engine) -> None:
    """Test a connection that was idle in the pool for longer than IDLE_SECONDS; open another if it is lost.

    SQLAlchemy's pre-ping tests every time, which costs a busy service one round trip per transaction. If a
    connection breaks within that time, its next statement fails, as it would if the connection broke a moment
    later. The pool then drops all its connections.
    """

    @event.listens_for(engine, "checkin")
    def returned(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        since = record.info.get("idle_since")
        if since is not None and time.monotonic() - since > IDLE_SECONDS:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise exc.DisconnectionError from error


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions by itself
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine
