"""The database: its engine, and the ways of using it. Imports nothing of ours."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session, sessionmaker

BUSY_TIMEOUT_SECONDS = 15
POOL_TIMEOUT_SECONDS = 5
REST_SECONDS = 1.0
"""A connection that has rested for longer is tried before it is used."""
_decode = json.JSONDecoder().decode
AFTER_COMMIT = "after_commit"
"""Key in a session's `info`: a list of callables for what may be said only once it is true."""


class Database:
    """An engine and the ways of using it: `begin()` to change, `read()` to look, `browse()` for lists.

    All are context managers that hold one connection, and nothing longer. `begin()` is one transaction:
    it commits when the block ends and rolls back when it raises. On SQLite it takes the write lock at once
    (BEGIN IMMEDIATE), so that what was read in the block is still true when it writes. `read()` takes no
    locks; every statement sees what was committed before it, which is all that PostgreSQL's READ COMMITTED
    promises within a transaction, so there it does without one, and without the two trips for it.
    """

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url) if self.is_sqlite else _server_engine(url, pool_size)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._each_by_itself = self.engine.execution_options(read_only=True, each_by_itself=True)
        self._readers = sessionmaker(self._each_by_itself, expire_on_commit=False)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        with self._sessions.begin() as session:
            yield session
        tell_of(session)

    @contextmanager
    def read(self) -> Iterator[Session]:
        with self._readers() as session:
            yield session

    @contextmanager
    def statements(self) -> Iterator[Connection]:
        """Hold a connection whose every statement is a transaction of its own, without the trips for one.

        What a statement has written is committed, whatever the block does afterwards. SQLite, which needs no
        trips, is given one transaction as by `begin()`.
        """
        with self.engine.begin() if self.is_sqlite else self._each_by_itself.connect() as connection:
            yield connection

    @contextmanager
    def browse(self) -> Iterator[Session]:
        """Look as `read()` does, with statements whose best plan depends on their values.

        PostgreSQL would soon keep one plan for all values, which reads whole tables for rare ones. At the end
        of a transaction that is rolled back, as this one is, the driver has it forget such plans.
        """
        with self._sessions() as session:
            session.connection(execution_options={"read_only": True})
            yield session

    def dispose(self) -> None:
        self.engine.dispose()


def tell_of(session: Session) -> None:
    """Say what may be said once the session's changes are committed."""
    for tell in session.info.get(AFTER_COMMIT, ()):
        tell()


def _server_engine(url: str, pool_size: int) -> Engine:
    # hide_parameters: a statement's parameters are personal data, and errors end up in logs.
    engine = create_engine(
        url,
        json_deserializer=_json,
        pool_size=pool_size,
        max_overflow=2,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_recycle=1_800,
        hide_parameters=True,
    )
    _try_rested_connections(engine)
    _begin_only_transactions(engine)
    return engine


def _json(text: bytes | str) -> Any:
    """Read JSON as PostgreSQL sends it, in UTF-8; the library would guess that, and most of it is empty."""
    if text == b"{}":
        return {}
    return _decode(text if isinstance(text, str) else text.decode())


def _begin_only_transactions(engine: Engine) -> None:
    """Have the driver begin a transaction, or not, as the connection's user wants it.

    SQLAlchemy's own way to say so, an isolation level, costs as much as a small statement.
    """

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        alone, driver = options.get("each_by_itself", False), _driver(connection)
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
                raise DisconnectionError from error


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
