"""Rows of which each is written only if the one before it was, one by one or all in one statement."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import IntegrityError

from mpesa_service.extensions import Database
from mpesa_service.models import Hold, IdempotencyKey, Pace
from mpesa_service.models.chain import Changed, Inserted, Missing, was, write_in_chain

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    yield found
    found.dispose()


def hold(name: str, reason: str = "x", *, once: bool = False) -> Any:
    values = {"name": name, "reason": reason, "since": NOW}
    return Inserted(Hold, tuple(values), once), values


def pace(name: str) -> Any:
    values = {"name": name, "next_at": NOW}
    return Inserted(Pace, tuple(values)), values


def retold(name: str, before: str, after: str) -> Any:
    change = Changed(Hold, ("reason",), ("name", "reason"))
    return change, {"reason": after, **was({"name": name, "reason": before})}


def key(name: str) -> dict[str, Any]:
    names = dict.fromkeys(("caller", "operation", "fingerprint", "resource_id"), "x")
    return {**names, "key": name, **dict.fromkeys(("locked_until", "created_at", "expires_at"), NOW)}


def written(database: Database) -> tuple[dict[str, str], set[str]]:
    with database.read() as session:
        holds = {row.name: row.reason for row in session.scalars(select(Hold))}
        return holds, set(session.scalars(select(Pace.name)))


def test_all_are_written_on_postgres_in_one_statement(database: Database) -> None:
    verbs: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        verbs.append(statement.split()[0])

    with database.statements() as connection:
        write_in_chain(connection, [hold("a", "old")])
    event.listen(database.engine, "before_cursor_execute", note)
    with database.statements() as connection:
        links = [hold("b", once=True), retold("a", "old", "new"), pace("c")]
        assert write_in_chain(connection, links)
    event.remove(database.engine, "before_cursor_execute", note)
    assert written(database) == ({"a": "new", "b": "x"}, {"c"})
    one_by_one = ["INSERT", "UPDATE", "INSERT"]
    assert [verb for verb in verbs if verb != "BEGIN"] == (one_by_one if database.is_sqlite else ["WITH"])


def test_nothing_is_written_after_a_row_that_is_there(database: Database) -> None:
    with database.statements() as connection:
        write_in_chain(connection, [hold("a", "old")])
    with database.statements() as connection:
        links = [hold("a", once=True), hold("b"), pace("c"), retold("a", "old", "new")]
        assert not write_in_chain(connection, links)
    assert written(database) == ({"a": "old"}, set())


@pytest.mark.parametrize("there", [True, False])
def test_a_chain_may_begin_with_a_row_that_must_be_missing(database: Database, there: bool) -> None:
    with database.statements() as connection:
        write_in_chain(connection, [hold("a" if there else "b", "old")])
    missing = Missing(Hold, ("name", "reason")), was({"name": "a", "reason": "old"})
    with database.statements() as connection:
        assert write_in_chain(connection, [missing, hold("c", once=True), pace("d")]) is not there
    holds, paces = written(database)
    assert ("c" in holds, "d" in paces) == (not there, not there)


def test_another_row_that_is_there_is_an_error(database: Database) -> None:
    with database.statements() as connection:
        write_in_chain(connection, [hold("a", "old")])
    with pytest.raises(IntegrityError), database.statements() as connection:
        write_in_chain(connection, [pace("c"), hold("a")])
    assert written(database) == ({"a": "old"}, set())


def test_nothing_is_written_after_a_row_that_is_not_as_it_was(database: Database) -> None:
    with database.statements() as connection:
        write_in_chain(connection, [hold("a", "newer")])
    with database.statements() as connection:
        assert not write_in_chain(connection, [retold("a", "old", "new"), pace("c")])
    assert written(database) == ({"a": "newer"}, set())


def test_a_row_changes_only_while_the_column_is_unset(database: Database) -> None:
    change = Changed(IdempotencyKey, ("answer_status",), ("key",), unset="answer_status")
    row = key("k")
    with database.statements() as connection:
        write_in_chain(connection, [(Inserted(IdempotencyKey, tuple(row)), row)])
    told = []
    for status in (201, 502):
        values = {"answer_status": status, **was({"key": "k"})}
        with database.statements() as connection:
            told.append(write_in_chain(connection, [(change, values), pace(str(status))]))
    assert told == [True, False]
    with database.read() as session:
        assert session.scalars(select(IdempotencyKey.answer_status)).all() == [201]
    assert written(database)[1] == {"201"}


def test_of_many_who_change_the_same_row_one_does(database: Database) -> None:
    with database.statements() as connection:
        write_in_chain(connection, [hold("a", "old")])
    start = threading.Barrier(8)
    told: list[Any] = []

    def change(number: int) -> None:
        start.wait()
        with database.statements() as connection:
            told.append(write_in_chain(connection, [retold("a", "old", str(number)), pace(str(number))]))

    threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False] * 7 + [True]
    holds, paces = written(database)
    assert paces == {holds["a"]}
