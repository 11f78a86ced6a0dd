"""A plan is written whole or not at all, with the same rows by every body of `commit`."""

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path

import pytest
from sqlalchemy.orm.exc import StaleDataError

from mpesa_service.core.database import Database
from mpesa_service.domain.event_types import EventType
from mpesa_service.domain.plans import Absent, Plan, Update
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.models import Payment
from mpesa_service.models.commit import commit
from tests.conftest import delete_rows
from tests.models.support import not_in_batches
from tests.support.plans import BODIES, PATIENCE, Body, change, set_up, succeeded, whole
from tests.support.rows import (
    AT,
    add,
    add_endpoint,
    audit_row,
    confirmation_row,
    dump,
    inbox_row,
    key_row,
    order_row,
    payment_row,
    suspension_row,
)


class TestWrites:
    def test_everything_of_a_plan(self, body: Body) -> None:
        add(body.database, suspension_row("there"))
        add_endpoint(body.database, "all")
        add_endpoint(body.database, "wants", "payment.failed", "payment.succeeded")
        add_endpoint(body.database, "other", "payment.failed")
        add_endpoint(body.database, "off", enabled=False)
        assert body.commit(whole()) is not None
        rows = dump(body.database)
        [payment] = rows["payments"]
        assert (payment["status"], payment["receipt"], payment["version"]) == ("succeeded", "R-p1", 2)
        assert [row["sequence"] for row in rows["payment_events"]] == [1]
        assert [row["payment_id"] for row in rows["callback_inbox"]] == ["p1"]
        [event] = rows["outgoing_events"]
        assert (event["type"], event["sequence"], event["created_at"]) == ("payment.succeeded", 1, AT)
        assert event["payload"] == (
            b'{"type":"payment.succeeded","timestamp":"2026-11-22T12:00:00.123+03:00",'
            b'"data":{"_id":"p1","sequence":1,"order":"ORDER1","text":"Asante - 100 %"}}'
        )
        waiting = {"outgoing_event_id": event["id"], "status": "waiting", "due_at": AT, "attempts": 0}
        deliveries = rows["webhook_deliveries"]
        assert sorted(row["endpoint_id"] for row in deliveries) == ["all", "wants"]
        assert all(waiting.items() <= row.items() for row in deliveries)
        assert rows["suspensions"][0]["reason"] == "changed"

    def test_several_events_in_their_order(self, body: Body) -> None:
        add_endpoint(body.database, "all")
        second = replace(succeeded(2), type=EventType.PAYMENT_REFUNDED)
        plan = Plan("applied", "", "p1", (change(event_count=2),), events=(succeeded(1), second))
        assert body.commit(plan) is not None
        rows = dump(body.database)
        assert [row["sequence"] for row in rows["outgoing_events"]] == [1, 2]
        assert [row["outgoing_event_id"] for row in rows["webhook_deliveries"]] == [1, 2]

    def test_values_of_every_type(self, body: Body) -> None:
        nairobi = datetime(2026, 11, 22, 12, 0, 0, 7, tzinfo=timezone(timedelta(hours=3)))
        odd = 'it\'s 100 % - "?" :name %s %(x)s \\ \n ☃'
        details = {"a": [1, None, True, 1.5, {"b": odd}], "": ""}
        every_byte = bytes(range(256))
        columns = {
            "details": details,
            "checkout_id_encrypted": every_byte,
            "next_check_at": nairobi,
            "status": PaymentStatus.REVIEW,
            "result_desc": odd,
            "amount": 2**40,
            "order_lock": None,
        }
        add(body.database, payment_row("p2", order_lock="ORDER2"))
        line = audit_row("p2", detail=details, evidence=_Word.CALLBACK)
        plan = Plan("x", "", changes=(change(1, "p2", **columns),), rows=(line, inbox_row(headers=details)))
        assert body.commit(plan) is not None
        rows = dump(body.database)
        payment = rows["payments"][1]
        assert (payment["metadata"], payment["checkout_id_encrypted"]) == (details, every_byte)
        assert (payment["next_check_at"], payment["status"]) == (nairobi, "review")
        assert (payment["result_desc"], payment["amount"], payment["order_lock"]) == (odd, 2**40, None)
        assert rows["payment_events"][0]["detail"] == details
        assert rows["payment_events"][0]["evidence"] == "callback"
        assert rows["callback_inbox"][0]["headers"] == details

    def test_a_change_without_columns_writes_nothing_to_its_row(self, body: Body) -> None:
        before = dump(body.database)
        plan = Plan("duplicate", "", changes=(change(),), rows=(inbox_row(),))
        assert body.commit(plan) is not None
        after = dump(body.database)
        assert after.pop("callback_inbox")
        assert after == {name: rows for name, rows in before.items() if name != "callback_inbox"}

    def test_a_plan_without_anything_to_write(self, body: Body) -> None:
        not_in_batches(body)
        before = dump(body.database)
        assert body.commit(Plan("noted", "there is no such payment")) is not None
        assert dump(body.database) == before

    def test_a_new_payment_and_its_key(self, body: Body) -> None:
        not_in_batches(body)
        rows = (key_row("k", once=True), payment_row("p2"), audit_row("p2"))
        assert body.commit(Plan("applied", "", "p2", rows=rows, events=(succeeded(1, "p2"),))) is not None
        found = dump(body.database)
        assert [row["id"] for row in found["payments"]] == ["p1", "p2"]
        assert [len(found[name]) for name in ("idempotency_keys", "payment_events", "outgoing_events")] == [
            1,
            1,
            1,
        ]

    @pytest.mark.parametrize("once", [True, False])
    def test_a_row_that_must_be_absent_and_is(self, body: Body, once: bool) -> None:
        not_in_batches(body)
        add(body.database, order_row("ORDER8"))
        rows = (key_row("k", once=once), payment_row("p2"))
        plan = Plan("applied", "", "p2", rows=rows, absent=Absent("expected_orders", "reference", "ORDER9"))
        assert body.commit(plan) is not None
        found = dump(body.database)
        assert [row["id"] for row in found["payments"]] == ["p1", "p2"]
        assert len(found["idempotency_keys"]) == 1

    def test_updates_say_whether_there_was_such_a_row(self, body: Body) -> None:
        not_in_batches(body)
        add(
            body.database,
            key_row("k"),
            key_row("answered", answer_status=200),
            suspension_row("a"),
            suspension_row("b"),
        )
        updates = (
            Update("idempotency_keys", {"key": "k", "answer_status": None}, {"answer_status": 201}, False),
            Update(
                "idempotency_keys", {"key": "answered", "answer_status": None}, {"answer_status": 500}, False
            ),
            Update("suspensions", {"name": "a"}, None, False),
            Update("suspensions", {"name": "c"}, None, False),
        )
        committed = body.commit(Plan("applied", "", changes=(change(amount=2),), updates=updates))
        assert committed is not None
        assert committed.updated[:4] == (True, False, True, False)
        rows = dump(body.database)
        assert [row["answer_status"] for row in rows["idempotency_keys"]] == [201, 200]
        assert [row["name"] for row in rows["suspensions"]] == ["b"]
        assert rows["payments"][0]["amount"] == 2

    def test_a_required_row_that_is_there(self, body: Body) -> None:
        not_in_batches(body)
        add(body.database, confirmation_row("R1"))
        update = Update("c2b_confirmations", {"receipt": "R1", "payment_id": None}, {"payment_id": "p1"})
        assert body.commit(Plan("applied", "", changes=(change(receipt="R1"),), updates=(update,)))
        assert dump(body.database)["c2b_confirmations"][0]["payment_id"] == "p1"


class _Word(StrEnum):
    CALLBACK = "callback"


def test_every_body_writes_the_same_rows(migrated_sqlite: Path, tmp_path: Path, postgres_url: str) -> None:
    found = []
    for name in BODIES:
        if name.startswith("sqlite"):
            copy = shutil.copy(migrated_sqlite, tmp_path / name)
            database = Database(f"sqlite:///{copy}")
        else:
            database = Database(postgres_url)
            with database.engine.begin() as connection:
                delete_rows(connection)
        set_up(database)
        add(database, suspension_row("there"))
        add_endpoint(database, "all")
        assert Body(database, name).commit(whole(details={"cart": [1]}, next_check_at=AT)) is not None
        found.append(dump(database))
        database.dispose()
    assert found[0]["webhook_deliveries"]
    assert [rows == found[0] for rows in found] == [True] * len(BODIES)


def test_of_many_who_change_the_same_row_one_does(body: Body) -> None:
    start = threading.Barrier(8)

    def write(number: int) -> bool:
        plan = Plan("x", "", changes=(change(result_desc=str(number)),), rows=(suspension_row(str(number)),))
        start.wait(PATIENCE)
        return body.commit(plan) is not None

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(write, range(8))) == [False] * 7 + [True]
    rows = dump(body.database)
    assert [row["name"] for row in rows["suspensions"]] == [rows["payments"][0]["result_desc"]]
    assert rows["payments"][0]["version"] == 2


def test_a_writer_of_the_session_does_not_overwrite_a_plan(database_url: str) -> None:
    """The version guards both ways: what the session has read is old."""
    database = Database(database_url)
    set_up(database)
    with database.read() as session:
        payment = session.get_one(Payment, "p1")
    with database.writing() as connection:
        assert commit(connection, whole()) is not None
    payment.status = "failed"
    with pytest.raises(StaleDataError), database.begin() as session:
        session.add(payment)
    assert dump(database)["payments"][0]["status"] == "succeeded"
    database.dispose()
