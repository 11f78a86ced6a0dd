"""Sessions and connections of the database, and connections that were lost in the pool."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as Busy
from sqlalchemy.orm import Session

from mpesa_service.callbacks.receive import TRIES_AT_ONCE
from mpesa_service.core import database as database_module
from mpesa_service.core.clock import utc_now
from mpesa_service.core.database import Database
from mpesa_service.models import Suspension
from mpesa_service.models.driver import Driver, ResultRows, Statement


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    yield found
    found.dispose()


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Database]:
    found = Database(postgres_url)
    yield found
    found.dispose()


def store(database: Database, name: str) -> None:
    with database.begin() as session:
        session.add(Suspension(name=name, reason="x", since=utc_now()))


def names(database: Database) -> set[str]:
    with database.read() as session:
        return {row.name for row in session.query(Suspension)}


def test_a_block_that_ends_is_committed(database: Database) -> None:
    store(database, "a")
    assert names(database) == {"a"}


def test_a_block_that_raises_leaves_nothing(database: Database) -> None:
    def fail_half_way() -> None:
        with database.begin() as session:
            session.add(Suspension(name="a", reason="x", since=utc_now()))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert names(database) == set()


def test_reading_holds_no_transaction_on_postgres(postgres: Database) -> None:
    with postgres.read() as session:
        own = session.scalar(text("SELECT pg_backend_pid()"))
        with postgres.begin() as other:
            query = text("SELECT state FROM pg_stat_activity WHERE pid = :pid")
            assert other.scalar(query, {"pid": own}) == "idle"


def test_a_transaction_after_a_read_is_one_again(postgres: Database) -> None:
    """Both ways share the connections of one pool, and neither leaves its mode behind."""
    assert names(postgres) == set()
    test_a_block_that_raises_leaves_nothing(postgres)


def _hold_and_fail(session: Session) -> None:
    session.add(Suspension(name="b", reason="x", since=utc_now()))
    session.flush()
    raise ZeroDivisionError


def test_a_statement_at_once_is_committed_and_as_durable_as_any(database: Database) -> None:
    mark = "?" if database.is_sqlite else "%s"
    sql = f"INSERT INTO suspensions (name, reason, since) VALUES ('a', 'x', {mark})"
    insert = Statement(sql, (utc_now(),))
    with database.writing() as connection:
        assert connection.execute([insert]) == [1]
        if not database.is_sqlite:
            assert connection.rows("SHOW synchronous_commit", ()) == [["on"]]
        assert names(database) == {"a"}, "before the block ends"
    with pytest.raises(IntegrityError), database.writing() as connection:
        connection.execute([insert])
    assert names(database) == {"a"}
    with pytest.raises(ZeroDivisionError), database.begin() as session:
        _hold_and_fail(session)
    assert names(database) == {"a"}, "a transaction is one again"


def test_a_query_after_a_statement_is_one_transaction_with_it(database: Database) -> None:
    mark = "?" if database.is_sqlite else "%s"
    insert = f"INSERT INTO suspensions (name, reason, since) VALUES ({mark}, 'x', {mark})"

    def insert_both(connection: Driver, first: str, second: str) -> ResultRows:
        statement = Statement(insert, (first, utc_now()))
        return connection.rows_after(statement, f"{insert} RETURNING name", (second, utc_now()))

    with database.writing() as connection:
        assert insert_both(connection, "a", "b") == [["b"]]
        assert names(database) == {"a", "b"}, "before the block ends"
        for first, second in (("c", "a"), ("a", "c")):
            with pytest.raises(IntegrityError):
                insert_both(connection, first, second)
            assert names(database) == {"a", "b"}
    with pytest.raises(IntegrityError), database.locking() as connection:
        insert_both(connection, "c", insert_both(connection, "d", "e")[0][0])
    assert names(database) == {"a", "b"}, "within an open transaction, it is part of it"


def kill_idle_connections(database: Database) -> None:
    """Break every idle connection of the pool, as a restart of the server does."""
    other = Database(str(database.engine.url.render_as_string(hide_password=False)))
    with other.begin() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    other.dispose()


def test_a_connection_that_died_at_rest_is_replaced(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "IDLE_SECONDS", -1.0)
    store(postgres, "before")
    kill_idle_connections(postgres)
    store(postgres, "after")
    assert names(postgres) == {"before", "after"}


def test_a_busy_connection_that_dies_costs_one_error_at_most(postgres: Database) -> None:
    store(postgres, "before")
    kill_idle_connections(postgres)
    with pytest.raises(OperationalError):
        store(postgres, "lost")
    store(postgres, "after")
    assert names(postgres) == {"before", "after"}


@pytest.mark.parametrize(
    "lose_by",
    [
        lambda connection: connection.rows("SELECT 1", ()),
        lambda connection: connection.rows_after(Statement("SELECT 1", ()), "SELECT 1", ()),
    ],
    ids=["one query", "a query after a statement"],
)
def test_a_lost_connection_empties_the_pool(postgres: Database, lose_by: Callable[[Driver], Any]) -> None:
    pool = postgres.engine.pool
    with postgres.reading() as connection:
        kill_idle_connections(postgres)
        with pytest.raises(OperationalError):
            lose_by(connection)
    assert postgres.engine.pool is not pool, "the others were probably lost, too"
    assert names(postgres) == set()


def test_a_returned_connection_leaves_nothing_open(postgres: Database) -> None:
    connection = postgres.engine.raw_connection()
    driver = connection.driver_connection
    driver.autocommit = False
    driver.execute("INSERT INTO suspensions (name, reason, since) VALUES ('left', 'x', now())")
    connection.close()
    assert driver.info.transaction_status == 0
    assert names(postgres) == set()


def test_an_error_that_is_not_the_drivers_stays_what_it_is(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with pytest.raises(UnicodeEncodeError), database.begin() as session:
        database_module.driver_of(session).rows("SELECT ?", ("\ud800",))
    database.dispose()


def test_the_wait_of_a_writer_is_limited_on_sqlite(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "QUEUE_TIMEOUT_SECONDS", 0.01)
    database = Database(sqlite_url)
    with database.writing(), pytest.raises(Busy), database.writing():
        pytest.fail("two writers at once")
    database.dispose()


def test_a_waiting_writer_outlasts_all_tries_of_the_one_before_it() -> None:
    """Otherwise all callbacks that wait end with the first one, when another process has SQLite locked."""
    assert database_module.QUEUE_TIMEOUT_SECONDS > TRIES_AT_ONCE * database_module.BUSY_TIMEOUT_SECONDS


def test_a_broken_rule_in_many_rows_is_an_error_of_ours(database: Database) -> None:
    rows = [("first", "x", utc_now()), ("second", None, utc_now())]
    with pytest.raises(IntegrityError), database.locking() as connection:
        connection.insert_new("suspensions", ("name", "reason", "since"), rows)
    assert names(database) == set()
