"""Each way by which a statement reaches a database's driver is counted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from sqlalchemy import text

from mpesa_service.core.database import Database, driver_of
from mpesa_service.models.driver import Driver, Statement
from tests.battery.traced_connections import statement_name, trace

Traced = tuple[Database, list[str]]
INSERT = "INSERT INTO things (id) VALUES ({})"


@pytest.fixture(params=["postgres", "sqlite"])
def traced(request: pytest.FixtureRequest) -> Iterator[Traced]:
    """Return a database with a table `things`, and the names of what its connections do."""
    database = Database(request.getfixturevalue(f"{request.param}_url"))
    passed: list[str] = []

    @contextmanager
    def around(name: str) -> Iterator[None]:
        passed.append(name)
        yield

    trace(database, around)
    with database.begin() as session:
        session.execute(text("CREATE TABLE things (id INTEGER PRIMARY KEY)"))
    passed.clear()
    yield database, passed
    with database.begin() as session:
        session.execute(text("DROP TABLE things"))
    database.dispose()


def insert(number: int) -> Statement:
    return Statement(INSERT.format(number), ())


def in_transaction(database: Database, *names: str, end: str = "COMMIT") -> list[str]:
    return ["BEGIN IMMEDIATE" if database.is_sqlite else "BEGIN", *names, end]


def test_a_session(traced: Traced) -> None:
    """psycopg sends BEGIN together with the first statement."""
    database, passed = traced
    with database.begin() as session:
        session.execute(text(INSERT.format(":id")), [{"id": 1}, {"id": 2}])
    begin = ["BEGIN IMMEDIATE"] if database.is_sqlite else []
    assert passed == [*begin, "INSERT things", "COMMIT"]
    passed.clear()
    with suppress(ValueError), database.begin() as session:
        session.execute(text(INSERT.format(3)))
        raise ValueError
    assert passed == [*begin, "INSERT things", "ROLLBACK"]


def test_the_driver_of_a_session(traced: Traced) -> None:
    database, passed = traced
    with database.begin() as session:
        driver_of(session).execute([insert(1), insert(2)])
    assert passed[-3:] == ["INSERT things", "INSERT things", "COMMIT"]


def test_a_query(traced: Traced) -> None:
    database, passed = traced
    with database.reading() as connection:
        connection.rows("SELECT id FROM things", ())
    assert passed == ["SELECT things"]


def test_a_query_after_a_statement(traced: Traced) -> None:
    database, passed = traced
    with database.writing() as connection:
        connection.rows_after(insert(1), "SELECT id FROM things", ())
    both = ["INSERT things", "SELECT things"]
    pipeline = [*both, "the pipeline's end"]
    assert passed == (in_transaction(database, *both) if database.is_sqlite else pipeline)


def test_one_statement(traced: Traced) -> None:
    database, passed = traced
    with database.writing() as connection:
        connection.execute([insert(1)])
    assert passed == ["INSERT things"]


def test_several_statements(traced: Traced) -> None:
    database, passed = traced
    with database.writing() as connection:
        connection.execute([insert(1), insert(2)])
    assert passed == in_transaction(database, "INSERT things", "INSERT things")


def test_a_required_statement_that_changes_nothing(traced: Traced) -> None:
    database, passed = traced
    with database.writing() as connection:
        connection.execute([insert(1), Statement("DELETE FROM things WHERE id = 9", ())])
    assert passed == in_transaction(database, "INSERT things", "DELETE things", end="ROLLBACK")


def test_many_new_rows(traced: Traced) -> None:
    database, passed = traced
    with database.locking() as connection:
        connection.insert_new("things", ["id"], [[1], [2]])
    copy = ["CREATE new_things", "COPY new_things", "INSERT things", "DROP new_things"]
    names = ["INSERT things"] if database.is_sqlite else copy
    assert passed == in_transaction(database, *names)


FAULTY = Statement("INSERT INTO things (id) VALUES (1), (1)", ())


@pytest.mark.parametrize(
    "fail",
    [
        lambda connection: connection.execute([FAULTY, FAULTY]),
        lambda connection: connection.rows_after(FAULTY, "SELECT id FROM things", ()),
    ],
    ids=["several statements", "a query after a statement"],
)
def test_an_error_of_the_database_is_the_same(traced: Traced, fail: Callable[[Driver], object]) -> None:
    database, _ = traced
    plain = Database(database.engine.url.render_as_string(hide_password=False))
    errors = []
    for one in (plain, database):
        with pytest.raises(Exception) as raised, one.writing() as connection:
            fail(connection)
        errors.append((type(raised.value), str(raised.value)))
    plain.dispose()
    assert errors[0] == errors[1]


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("SELECT a FROM payments p FOR UPDATE OF p", "SELECT payments"),
        ("WITH v AS (SELECT 1 FROM x), w AS (INSERT INTO payments (a) SELECT 1) SELECT 1", "INSERT payments"),
        ("WITH v AS (UPDATE a SET b = 1), w AS (INSERT INTO c SELECT 1) SELECT 1", "UPDATE a, INSERT c"),
        ("INSERT INTO a (b) VALUES (1) ON CONFLICT (b) DO UPDATE SET b = 1", "INSERT a"),
        ("SAVEPOINT plan", "SAVEPOINT plan"),
    ],
)
def test_the_name_of_a_statement(statement: str, name: str) -> None:
    assert statement_name(statement) == name
