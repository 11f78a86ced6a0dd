"""A plan that is refused writes nothing."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from mpesa_service.domain.plans import Absent, Change, Plan, Update
from mpesa_service.models import Payment
from tests.models.support import not_in_batches
from tests.support.plans import Body, change, succeeded, whole
from tests.support.rows import (
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


class TestWritesNothing:
    """When a row is not as it was read. Nothing at all: no row, event, delivery or update."""

    def refuses(self, body: Body, plan: Plan) -> None:
        before = dump(body.database)
        assert body.commit(plan) is None
        assert dump(body.database) == before

    @pytest.fixture(autouse=True)
    def what_a_plan_may_touch(self, body: Body) -> None:
        add_endpoint(body.database, "all")
        add(body.database, suspension_row("there"))

    @pytest.mark.parametrize("version", [0, 2])
    def test_after_another_version(self, body: Body, version: int) -> None:
        self.refuses(body, replace(whole(), changes=(change(version, status="succeeded"),)))

    def test_after_another_version_of_a_row_that_it_only_rests_on(self, body: Body) -> None:
        self.refuses(body, Plan("duplicate", "", changes=(change(7),), rows=(inbox_row(),)))

    def test_to_a_row_that_is_gone(self, body: Body) -> None:
        self.refuses(body, Plan("applied", "", changes=(change(1, "p9", amount=2),), rows=(inbox_row(),)))

    def test_a_second_time(self, body: Body) -> None:
        assert body.commit(whole()) is not None
        self.refuses(body, replace(whole(), rows=(inbox_row(),), events=(succeeded(2),)))

    def test_after_a_writer_of_the_session(self, body: Body) -> None:
        with body.database.begin() as session:
            session.get_one(Payment, "p1").result_desc = "theirs"
        self.refuses(body, whole())

    def test_with_a_receipt_that_is_taken(self, body: Body) -> None:
        add(body.database, payment_row("p2", receipt="R-p1"))
        self.refuses(body, whole())

    def test_with_a_number_of_the_audit_trail_that_is_taken(self, body: Body) -> None:
        add(body.database, audit_row())
        self.refuses(body, whole())

    def test_with_a_number_of_an_event_that_is_taken(self, body: Body) -> None:
        plan = Plan("applied", "", changes=(change(amount=2),), events=(succeeded(),))
        assert body.commit(plan) is not None
        self.refuses(body, Plan("applied", "", changes=(change(2, amount=3),), events=(succeeded(),)))

    @pytest.mark.parametrize("once", [True, False])
    def test_with_a_new_row_that_is_there(self, body: Body, once: bool) -> None:
        not_in_batches(body)
        rows = (suspension_row("there", "mine", once=once), payment_row("p2"))
        self.refuses(body, Plan("applied", "", rows=rows, events=(succeeded(1, "p2"),)))

    def test_with_a_payment_that_holds_the_same_order(self, body: Body) -> None:
        not_in_batches(body)
        add(body.database, payment_row("p2", order_lock="ORDER1"))
        rows = (key_row("k", once=True), payment_row("p3", order_lock="ORDER1"))
        self.refuses(body, Plan("applied", "", rows=rows))

    @pytest.mark.parametrize("once", [True, False])
    def test_with_a_row_that_must_be_absent(self, body: Body, once: bool) -> None:
        not_in_batches(body)
        rows = (key_row("k", once=once), payment_row("p2"))
        plan = Plan("applied", "", rows=rows, absent=Absent("expected_orders", "reference", "ORDER9"))
        add(body.database, order_row("ORDER9"))
        self.refuses(body, plan)

    @pytest.mark.parametrize("where", [{"receipt": "R2"}, {"receipt": "R1", "payment_id": None}])
    def test_without_a_required_row(self, body: Body, where: dict[str, Any]) -> None:
        not_in_batches(body)
        add(body.database, confirmation_row("R1", payment_id="p1"))
        update = Update("c2b_confirmations", where, {"payment_id": "p1"})
        self.refuses(body, replace(whole(), updates=(update,)))

    @pytest.mark.parametrize("old", ["p1", "p2", "o-ORDER1"])
    def test_when_one_of_several_rows_has_another_version(self, body: Body, old: str) -> None:
        not_in_batches(body)
        add(body.database, payment_row("p2"), order_row())
        changes = (
            change(1, "p2", order_lock=None),
            change(1, status="succeeded"),
            Change("expected_orders", "o-ORDER1", 1, {"received_amount": 100}),
        )
        assert body.commit(Plan("applied", "", changes=changes, rows=(audit_row(),))) is not None
        again = [replace(one, version=1 if one.id == old else 2) for one in changes]
        self.refuses(body, Plan("applied", "", changes=tuple(again), rows=(audit_row(sequence=2),)))


class TestBrokenRules:
    """A plan that breaks a rule of the schema is a fault and no conflict. It writes nothing either."""

    @pytest.mark.parametrize(
        ("column", "value", "rule"),
        [("status", "nonsense", "ck_payments_status"), ("currency", None, "payments.currency")],
    )
    def test_the_error_is_raised_and_its_rule_is_logged(
        self, body: Body, column: str, value: Any, rule: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        before = dump(body.database)
        plan = replace(whole(), changes=(change(result_desc="254712345678", **{column: value}),))
        if body.name.endswith("batch"):
            assert body.commit(plan) is None
            assert caplog.records == []
        else:
            with pytest.raises(IntegrityError) as raised:
                body.commit(plan)
            assert not raised.value.connection_invalidated
            [record] = caplog.records
            assert vars(record)["constraint"] == rule
            assert "254712345678" not in caplog.text
        assert dump(body.database) == before
