"""Rows that are written past the session, or kept back to be written with others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from mpesa_service.extensions import Database
from mpesa_service.models import ExpectedOrder, Hold, Pace
from mpesa_service.models.statements import insert_once
from mpesa_service.models.together import append, are_apart, held_back
from mpesa_service.services.clock import utc_now


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    yield found
    found.dispose()


def hold(name: str) -> dict[str, Any]:
    return {"name": name, "reason": "x", "since": utc_now()}


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    found: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement.split()[0])

    event.listen(database.engine, "before_cursor_execute", note)
    yield found
    event.remove(database.engine, "before_cursor_execute", note)


def names(database: Database) -> set[str]:
    with database.read() as session:
        return {row.name for row in [*session.query(Hold), *session.query(Pace)]}


def test_alone_it_is_written_at_once_after_what_is_new(database: Database) -> None:
    with database.begin() as session:
        session.add(Hold(**hold("a")))
        append(session, Pace, {"name": "b", "next_at": utc_now()})
        assert not session.new
        assert session.get(Pace, "b") is not None
    assert names(database) == {"a", "b"}


def test_a_column_that_is_named_otherwise_than_its_attribute_is_written(database: Database) -> None:
    columns = dict.fromkeys(("owner", "reference", "reference_key", "account_key"), "x")
    dates = dict.fromkeys(("created_at", "updated_at"), utc_now())
    order = {"id": "o", "amount_due": 1, "status": "open", "details": {"cart": 1}, **columns, **dates}
    with database.begin() as session:
        append(session, ExpectedOrder, order)
        assert not insert_once(session, ExpectedOrder, order)
        with pytest.raises(KeyError):
            append(session, ExpectedOrder, {**order, "metadata": {}})
    with database.read() as session:
        assert session.query(ExpectedOrder).one().details == {"cart": 1}


def test_what_is_kept_back_is_not_written(database: Database) -> None:
    with statements(database) as found, database.begin() as session, held_back(session) as waiting:
        append(session, Hold, {**hold("a"), "reason": None})
        append(session, Pace, {"name": "b", "next_at": utc_now()})
    assert [verb for verb in found if not verb.startswith("BEGIN")] == []
    assert [values["name"] for _, values in waiting] == ["a", "b"]
    assert names(database) == set()


def test_rows_of_one_table_are_not_apart(database: Database) -> None:
    with database.begin() as session, held_back(session) as waiting:
        append(session, Hold, hold("a"))
        append(session, Pace, {"name": "b", "next_at": utc_now()})
        assert are_apart(waiting)
        append(session, Hold, hold("c"))
        assert not are_apart(waiting)
