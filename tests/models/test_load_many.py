"""The facts of several payments at once, and locks on what is going to be read (PostgreSQL)."""

from collections.abc import Iterator

import pytest

from mpesa_service.core.database import Database
from mpesa_service.models.load import About, load, load_many, lock
from tests.support.rows import add, dump, order_row, payment_row


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    found = Database(postgres_url)
    yield found
    found.dispose()


class TestMany:
    def test_each_is_what_it_is_alone(self, database: Database) -> None:
        add(database, order_row())
        add(database, *(payment_row(f"p{number}", receipt=f"R{number}") for number in range(4)))
        abouts = [
            About(checkout="checkout-p3", token="token-p3", receipt="R3"),
            About(checkout="of nobody", token="of nobody"),
            About(checkout="checkout-p1", token="token-p2", receipt="R0"),
            About(checkout="checkout-p3", token="token-p3", receipt="R1"),
            About(checkout="checkout-p0", token=None),
        ]
        with database.reading() as connection:
            found = load_many(connection, abouts)
            assert found == [load(connection, about) for about in abouts]
        assert [one and one.id for one in found] == ["p3", None, "p1", "p3", "p0"]

    def test_of_none(self, database: Database) -> None:
        with database.reading() as connection:
            assert load_many(connection, []) == []


class TestLock:
    def locked(self, database: Database, table: str) -> list[str]:
        """Return the rows that nobody can change now."""
        free = f"SELECT id FROM {table} FOR NO KEY UPDATE SKIP LOCKED"
        with database.locking() as connection:
            unlocked = {row[0] for row in connection.rows(free, ())}
        return [row["id"] for row in dump(database)[table] if row["id"] not in unlocked]

    def test_what_will_be_read_is_locked_and_nothing_else(self, database: Database) -> None:
        add(database, order_row(), order_row("ORDER2"))
        add(database, payment_row("p1"), payment_row("p2", order_lock="ORDER1"), payment_row("p3"))
        with database.locking() as connection:
            lock(connection, About(id="p1"))
            assert self.locked(database, "payments") == ["p1", "p2"]
            assert self.locked(database, "expected_orders") == ["o-ORDER1"]
        assert self.locked(database, "payments") == []

    def test_of_a_payment_that_stands_alone(self, database: Database) -> None:
        add(database, payment_row("p1"), payment_row("p2"))
        with database.locking() as connection:
            lock(connection, About(checkout="checkout-p1"))
            assert self.locked(database, "payments") == ["p1"]

    def test_of_no_payment(self, database: Database) -> None:
        add(database, payment_row("p1"))
        with database.locking() as connection:
            lock(connection, About(id="p9"))
            assert self.locked(database, "payments") == []
