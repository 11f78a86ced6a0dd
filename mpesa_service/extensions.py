"""Unbound objects that an application binds when it is made. Imports nothing of ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask_jwt_extended import JWTManager
from flask_limiter import Limiter
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

BUSY_TIMEOUT_SECONDS = 15
POOL_TIMEOUT_SECONDS = 5
AFTER_COMMIT = "after_commit"
"""Key in a session's `info`: a list of callables for what may be said only once it is true."""

jwt = JWTManager()
limiter = Limiter(key_func=lambda: "", in_memory_fallback_enabled=True)


class Database:
    """An engine and the two ways of using it: `begin()` to change something, `read()` to look.

    Both are context managers that hold one connection and one transaction, and nothing longer.
    `begin()` commits when the block ends and rolls back when it raises. On SQLite it takes the write
    lock at once (BEGIN IMMEDIATE), so that what was read in the block is still true when it writes.
    """

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url) if self.is_sqlite else _server_engine(url, pool_size)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        with self._sessions.begin() as session:
            yield session
        for tell in session.info.get(AFTER_COMMIT, ()):
            tell()

    @contextmanager
    def read(self) -> Iterator[Session]:
        with self._sessions() as session:
            session.connection(execution_options={"read_only": True})
            yield session

    def dispose(self) -> None:
        self.engine.dispose()


def _server_engine(url: str, pool_size: int) -> Engine:
    # hide_parameters: a statement's parameters are personal data, and errors end up in logs.
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=2,
        pool_timeout=POOL_TIMEOUT_SECONDS,
        pool_pre_ping=True,
        pool_recycle=1_800,
        hide_parameters=True,
    )


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
