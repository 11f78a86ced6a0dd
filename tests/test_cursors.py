"""Columns are described once a statement, and still described right."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from mpesa_service import cursors
from mpesa_service.cursors import DescribedCursor


@pytest.fixture
def connection(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection[Any]]:
    monkeypatch.setattr(cursors, "_descriptions", {})
    url = postgres_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url, cursor_factory=DescribedCursor) as opened:
        yield opened


def columns(cursor: psycopg.Cursor[Any]) -> list[str]:
    return [column.name for column in cursor.description or ()]


def test_each_statement_has_its_own_columns(connection: psycopg.Connection[Any]) -> None:
    for _ in range(2):
        assert columns(connection.execute("SELECT 1 AS a, 2 AS b")) == ["a", "b"]
        assert columns(connection.execute("SELECT 3 AS c")) == ["c"]
    assert len(cursors._descriptions) == 2


def test_a_statement_without_columns_has_none(connection: psycopg.Connection[Any]) -> None:
    assert connection.cursor().description is None
    assert connection.execute("SET TIME ZONE 'UTC'").description is None


def test_a_statement_with_other_columns_than_before_is_described_anew(
    connection: psycopg.Connection[Any],
) -> None:
    connection.execute("CREATE TEMPORARY TABLE t (a int)")
    assert columns(connection.execute("SELECT * FROM t")) == ["a"]
    connection.execute("ALTER TABLE t ADD b int")
    assert columns(connection.execute("SELECT * FROM t")) == ["a", "b"]


def test_not_more_are_kept_than_fit(
    connection: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cursors, "KEPT", 2)
    for number in range(5):
        assert columns(connection.execute(f"SELECT {number} AS n{number}")) == [f"n{number}"]
    assert len(cursors._descriptions) <= 2
