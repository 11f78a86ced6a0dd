"""Several plans written at once, and plans that wait for a lock."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError

from mpesa_service.core.database import Database, driver_of
from mpesa_service.domain.plans import Absent, Plan
from mpesa_service.models.absence import lock_against_absence
from mpesa_service.models.commit import commit, commit_many, rows_and_events
from mpesa_service.models.driver import Statement
from tests.support.plans import GUARD, PATIENCE, Body, change, lose, set_up, wait_for_one_that_waits, whole
from tests.support.rows import (
    add,
    add_endpoint,
    audit_row,
    dump,
    inbox_row,
    order_row,
    payment_row,
    suspension_row,
)


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Database]:
    database = Database(postgres_url)
    yield database
    database.dispose()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    found = Database(database_url)
    yield found
    found.dispose()


def write(database: Database, *plans: Plan) -> list[bool]:
    with database.writing() as connection:
        return [done is not None for done in commit_many(connection, plans)]


class TestMany:
    """Several plans at once."""

    def test_plans_of_any_shapes(self, database: Database) -> None:
        add(database, *(payment_row(f"p{number}") for number in range(6)))
        add_endpoint(database, "all")
        plans = [
            Plan("x", "", changes=(change(1, "p5", amount=5),), rows=(audit_row("p5"),)),
            whole("p0"),
            Plan("duplicate", "", changes=(change(1, "p1"),), rows=(inbox_row(payment_id="p1"),)),
            whole("p3"),
            Plan("x", "", changes=(change(1, "p2", amount=2),), rows=(audit_row("p2"),)),
        ]
        assert write(database, *plans) == [True] * 5
        rows = dump(database)
        assert [row["amount"] for row in rows["payments"]] == [100, 100, 2, 100, 100, 5]
        assert [row["version"] for row in rows["payments"]] == [2, 1, 2, 2, 1, 2]
        assert {row["payment_id"] for row in rows["payment_events"]} == {"p0", "p2", "p3", "p5"}
        assert {row["payment_id"] for row in rows["callback_inbox"]} == {"p0", "p1", "p3"}
        events = {row["id"]: row["subject_id"] for row in rows["outgoing_events"]}
        delivered = [events[row["outgoing_event_id"]] for row in rows["webhook_deliveries"]]
        assert sorted(delivered) == ["p0", "p3"]

    def test_one_that_was_overtaken_keeps_no_other(self, database: Database) -> None:
        add(database, *(payment_row(f"p{number}") for number in range(3)))
        plans = [
            Plan("x", "", changes=(change(version, f"p{number}", amount=7),), rows=(audit_row(f"p{number}"),))
            for number, version in enumerate((1, 9, 1))
        ]
        assert write(database, *plans) == [True, False, True]
        rows = dump(database)
        assert [row["amount"] for row in rows["payments"]] == [7, 100, 7]
        assert [row["payment_id"] for row in rows["payment_events"]] == ["p0", "p2"]

    def test_of_two_plans_for_one_payment_the_first_is_written(self, database: Database) -> None:
        add(database, payment_row("p1"), payment_row("p2"))
        other = Plan("x", "", changes=(change(1, "p1", status="canceled"),))
        assert write(database, whole("p1"), whole("p1"), other, whole("p2")) == [
            True,
            False,
            False,
            True,
        ]
        assert [row["status"] for row in dump(database)["payments"]] == ["succeeded", "succeeded"]

    def test_one_that_cannot_be_written_keeps_no_other(self, database: Database) -> None:
        """Nor, on PostgreSQL, those of another shape: the others of its own are left to be written alone."""
        add(database, *(payment_row(f"p{number}") for number in range(4)), audit_row("p1"))
        fine = Plan("x", "", changes=(change(1, "p3", amount=3),))
        alike = database.is_sqlite
        written = write(database, whole("p0"), whole("p1"), whole("p2"), fine)
        assert written == [alike, False, alike, True]
        rows = dump(database)
        assert [row["version"] for row in rows["payments"]] == [1 + alike, 1, 1 + alike, 2]
        assert [len(rows[name]) for name in ("payment_events", "callback_inbox")] == [
            1 + 2 * alike,
            2 * alike,
        ]

    @pytest.mark.parametrize(
        "spoilt", [{"status": "nonsense"}, {"currency": None}, {"result_desc": "\ud800"}]
    )
    def test_the_error_of_one_is_not_the_error_of_the_others(
        self, database: Database, spoilt: dict[str, Any]
    ) -> None:
        """Not even one of the driver's own, which finds the text unfit before it sends anything."""
        add(database, *(payment_row(f"p{number}") for number in range(3)))
        plans = [
            Plan("x", "", changes=(change(1, "p0", amount=7),)),
            Plan("x", "", changes=(change(1, "p1", **spoilt),)),
            Plan("x", "", changes=(change(1, "p2", amount=7),)),
        ]
        assert write(database, *plans) == [True, False, True]
        with pytest.raises((IntegrityError, UnicodeEncodeError)), database.writing() as connection:
            commit(connection, plans[1])

    def test_a_lost_connection_leaves_it_open_what_is_written(self, database: Database) -> None:
        add(database, payment_row("p1"))
        with database.writing() as connection:
            lose(connection)
            with pytest.raises(DBAPIError) as raised:
                commit_many(connection, [whole("p1")])
        assert raised.value.connection_invalidated
        assert dump(database)["payments"][0]["version"] == 1


class TestManyOnPostgres:
    """Plans of one shape are one statement."""

    def test_plans_that_rest_on_more_than_one_row_are_left_to_be_written_alone(
        self, postgres: Database
    ) -> None:
        add(postgres, payment_row("p1"), payment_row("p2"))
        both = Plan("x", "", changes=(change(1, "p1", amount=1), change(1, "p2", amount=1)))
        guarded = replace(whole("p1"), updates=(GUARD,))
        unguarded = Plan("unmatched", "", rows=(inbox_row(),))
        once = Plan("x", "", changes=(change(1, "p1"),), rows=(suspension_row("a", once=True),))
        absent = replace(whole("p2"), absent=Absent("expected_orders", "reference", "ORDER1"))
        before = dump(postgres)
        assert write(postgres, both, guarded, unguarded, once, absent) == [False] * 5
        assert dump(postgres) == before

    def test_rows_are_locked_in_the_order_of_their_ids(self, postgres: Database) -> None:
        """As everybody locks several payments: else two would wait for each other."""
        add(postgres, payment_row("p1"), payment_row("p2"))
        with ThreadPoolExecutor(1) as pool:
            with postgres.locking() as connection:
                connection.rows("SELECT 1 FROM payments WHERE id = 'p1' FOR UPDATE", ())
                written = pool.submit(write, postgres, whole("p2"), whole("p1"))
                wait_for_one_that_waits(postgres)
                connection.rows("SELECT 1 FROM payments WHERE id = 'p2' FOR UPDATE", ())
            assert written.result(PATIENCE) == [True, True]


@pytest.mark.parametrize("name", ["one statement", "several statements", "batch"])
@pytest.mark.parametrize("changed", [True, False])
def test_a_plan_that_waited_for_a_lock_looks_at_the_version_again(
    postgres: Database, name: str, changed: bool
) -> None:
    set_up(postgres)
    with ThreadPoolExecutor(1) as pool:
        with postgres.locking() as connection:
            connection.rows("SELECT 1 FROM payments WHERE id = 'p1' FOR UPDATE", ())
            if changed:
                connection.execute([Statement("UPDATE payments SET amount = 7, version = version + 1", ())])
            written = pool.submit(Body(postgres, name).commit, whole())
            wait_for_one_that_waits(postgres)
        assert (written.result(PATIENCE) is None) is changed
    rows = dump(postgres)
    assert rows["payments"][0]["status"] == ("pending" if changed else "succeeded")
    assert len(rows["payment_events"]) == (0 if changed else 1)


@pytest.mark.parametrize("name", ["one statement", "several statements"])
@pytest.mark.parametrize("present", [True, False])
def test_a_plan_waits_for_a_transaction_that_may_insert_what_must_be_absent(
    postgres: Database, name: str, present: bool
) -> None:
    set_up(postgres)
    absent = Absent("expected_orders", "reference", "ORDER9")
    plan = Plan("applied", "", rows=(payment_row("p2"),), absent=absent)
    with ThreadPoolExecutor(1) as pool:
        with postgres.begin() as session:
            lock_against_absence(session, "ORDER9")
            if present:
                driver_of(session).execute(rows_and_events([order_row("ORDER9")], (), postgres=True))
            written = pool.submit(Body(postgres, name).commit, plan)
            wait_for_one_that_waits(postgres)
        assert (written.result(PATIENCE) is None) is present
    assert len(dump(postgres)["payments"]) == (1 if present else 2)
