"""Moves of paid payments between orders and unmatched money: what may move, and that the sums stay right."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from mpesa_service.domain import moves
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.event_types import ORDER_NOTES
from mpesa_service.domain.facts import OrderFacts, PaymentFacts
from mpesa_service.domain.orders import CLOSED, STILL_DUE, AmountRule, order_status
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.states import PAID, REFUNDABLE, PaymentStatus
from mpesa_service.errors import Conflict
from mpesa_service.models.load import facts_of_new, make_facts
from tests.domain.facts import AT, payment_facts

CAUSE = Cause("amina", AT, "operator", {"reason": "wrong account"})


def order(name: str = "B", owner: str = "shop", *, elsewhere: int = 0, **more: Any) -> OrderFacts:
    """Return an order of 100 shillings, with this sum of its other payments."""
    facts = OrderFacts(
        name.lower(), 1, owner, name, 100, None, elsewhere, elsewhere, "open", None, {"cart": name}
    )
    return replace(facts, **more)


def of_order(status: PaymentStatus = PaymentStatus.SUCCEEDED, **columns: Any) -> PaymentFacts:
    """Return a C2B payment of 100 shillings that pays order A."""
    of = {"channel": "c2b", "order_id": "A", "expected_order_id": "a", "evidence": "confirmation"}
    facts = payment_facts(status, **{**of, **columns})
    return replace(facts, order=order("A", received_amount=100, status="paid"))


def own(plan: Plan) -> Mapping[str, Any]:
    [change] = [change for change in plan.changes if change.table == "payments"]
    return change.columns


def of_orders(plan: Plan) -> dict[str, Mapping[str, Any]]:
    return {change.id: change.columns for change in plan.changes if change.table == "expected_orders"}


@pytest.mark.parametrize("status", PaymentStatus)
@pytest.mark.parametrize("target", ["another order", "unmatched"])
def test_only_paid_payments_move(status: PaymentStatus, target: str) -> None:
    facts, to = of_order(status), order() if target == "another order" else None
    if status not in REFUNDABLE:
        with pytest.raises(Conflict) as refused:
            moves.move(facts, to, CAUSE)
        assert refused.value.code == "not_movable"
        assert refused.value.details == {"status": status.public, "orderId": "A"}
        return
    assert own(moves.move(facts, to, CAUSE)).get("status", status) == (status if to else "review")


@pytest.mark.parametrize(
    ("columns", "to", "code"),
    [
        ({"channel": None, "provider": "stripe"}, order(), "not_movable"),
        ({"order_id": None}, order(), "not_matched"),
        ({"refunding_amount": 1}, order(), "being_refunded"),
        ({"refunding_amount": 1}, None, "being_refunded"),
        ({"channel": "stk"}, None, "prompted_payment"),
        ({"channel": "stk"}, order(owner="another"), "order_taken"),
    ],
)
def test_what_is_refused(columns: dict[str, Any], to: OrderFacts | None, code: str) -> None:
    with pytest.raises(Conflict) as refused:
        moves.move(of_order(**columns), to, CAUSE)
    assert refused.value.code == code


def test_to_another_order() -> None:
    plan = moves.move(of_order(order_lock="A"), order(owner="another"), CAUSE)
    expected = {"owner": "another", "order_id": "B", "expected_order_id": "b", "details": {"cart": "B"}}
    assert expected.items() <= own(plan).items()
    assert own(plan)["order_lock"] is None
    assert "evidence" not in own(plan), "the money is as well proven as before"
    assert {of: (row["received_amount"], row["status"]) for of, row in of_orders(plan).items()} == {
        "a": (0, "open"),
        "b": (100, "paid"),
    }
    assert [change.id for change in plan.changes] == ["payment", "a", "b"]
    lines = [(row.columns["cause"], row.columns["actor"]) for row in plan.rows]
    assert lines == [("moved", "amina"), ("order_open", "service"), ("order_paid", "service")]
    detail = {"reason": "wrong account", "orderId": "B", "previousOrderId": "A"}
    assert (plan.rows[0].columns["detail"], plan.rows[0].columns["evidence"]) == (detail, "operator")
    moved, paid = plan.events
    assert (moved.type, paid.type) == ("payment.moved", "order.paid")
    assert (moved.data["orderId"], moved.data["previousOrderId"]) == ("B", "A")
    assert (moved.data["status"], moved.data["previousStatus"]) == ("succeeded", "succeeded")


def test_orders_change_in_the_order_of_their_ids() -> None:
    """So that no two moves wait for each other."""
    plan = moves.move(of_order(), order("B", id="0"), CAUSE)
    assert [change.id for change in plan.changes] == ["payment", "0", "a"]


def test_a_prompted_payment_keeps_its_owner_its_metadata_and_the_reference_of_its_prompt() -> None:
    facts = of_order(channel="stk", owner="till", account_reference="A", reference_key="a", order_lock="A")
    plan = moves.move(replace(facts, order=None), order(owner="admin"), CAUSE, shop_wide=True)
    columns = own(plan)
    assert (columns["order_id"], columns["expected_order_id"], columns["order_lock"]) == ("B", "b", None)
    assert not columns.keys() & {"owner", "details", "account_reference", "reference_key"}
    assert of_orders(plan).keys() == {"b"}


def test_back_to_unmatched_money() -> None:
    plan = moves.move(of_order(PaymentStatus.PARTIALLY_REFUNDED, refunded_amount=40), None, CAUSE)
    columns = own(plan)
    assert (columns["status"], columns["owner"], columns["order_id"]) == ("review", "", None)
    assert (columns["expected_order_id"], columns["failure_reason"]) == (None, moves.MATCH_UNDONE)
    assert [row.columns["cause"] for row in plan.rows] == ["match_undone", "order_open"]
    assert [(event.type, event.data["previousOrderId"]) for event in plan.events] == [("payment.moved", "A")]
    [retry] = plan.updates
    assert (retry.where, retry.columns, retry.required) == (
        {"payment_id": "payment"},
        {"retry_at": None},
        False,
    )


@pytest.mark.parametrize(
    ("refunded", "status"), [(0, "succeeded"), (40, "partially_refunded"), (100, "refunded")]
)
def test_matched_money_has_the_status_of_its_refunds(refunded: int, status: str) -> None:
    change = PaymentChange(of_order(PaymentStatus.REVIEW, order_id=None, refunded_amount=refunded))
    moves.match_to_order(change, order(), CAUSE)
    assert (change.status, change.now["failure_reason"]) == (status, None)
    assert of_orders(change.plan("", "")).get("b", {}).get("received_amount", 0) == 100 - refunded


@pytest.mark.parametrize("status", PaymentStatus)
@pytest.mark.parametrize("channel", ["c2b", "stk"])
@pytest.mark.parametrize("refunding", [0, 10])
@pytest.mark.parametrize("order_id", [None, "A"])
def test_where_a_payment_is_already(
    status: PaymentStatus, channel: str, refunding: int, order_id: str | None
) -> None:
    facts = of_order(status, channel=channel, refunding_amount=refunding, order_id=order_id)
    waits = status == "review" or (status in REFUNDABLE and not refunding)
    assert moves.is_there(facts, None) is (channel == "c2b" and order_id is None and waits)
    assert moves.is_there(facts, order("A")) is (order_id == "A")
    assert moves.is_there(facts, order("B")) is False


@settings(max_examples=60, stateful_step_count=25, deadline=timedelta(seconds=5))
class Moves(RuleBasedStateMachine):
    """Payments move between orders, are undone, matched, and refunded in parts: the sums are always right."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[str, OrderFacts] = {
            "a": order("A", amount_due=100),
            "b": order("B", amount_due=70, amount_rule=AmountRule.EXACT),
            "c": order("C", amount_due=250, status="canceled"),
        }
        self.payments = {
            number: facts_of_new(
                {
                    "id": number,
                    "version": 1,
                    "channel": "c2b",
                    "amount": amount,
                    "status": PaymentStatus.REVIEW,
                    "order_id": None,
                    "updated_at": AT,
                    "completed_at": AT,
                    "event_count": 0,
                    "outgoing_count": 0,
                }
            )
            for number, amount in {"p": 100, "q": 40, "r": 7}.items()
        }
        self.expected_events: dict[str, int] = dict.fromkeys(self.payments, 0)

    def read(self, payment: str) -> PaymentFacts:
        """Return a payment's facts as `load` does: with its order and the sum of its other payments."""
        facts = self.payments[payment]
        of = facts.payment["expected_order_id"]
        return replace(facts, order=self.seen(of, payment) if of else None)

    def seen(self, order_id: str, beside: str) -> OrderFacts:
        return replace(self.orders[order_id], received_elsewhere=self.received(order_id, beside))

    def received(self, order_id: str, beside: str = "") -> int:
        rows = [facts.payment for number, facts in self.payments.items() if number != beside]
        mine = [row for row in rows if row["expected_order_id"] == order_id and row["status"] in PAID]
        return sum(row["amount"] - row["refunded_amount"] for row in mine)

    def write(self, facts: PaymentFacts, plan: Plan) -> None:
        for change in plan.changes:
            if change.table == "expected_orders":
                at = self.orders[change.id]
                assert change.version == at.version
                values = {k: v for k, v in change.columns.items() if k != "updated_at"}
                self.orders[change.id] = replace(at, version=at.version + 1, **values)
            else:
                row = {**facts.payment, **change.columns, "version": facts.payment["version"] + 1}
                self.payments[facts.id] = make_facts(row)
        published = [ORDER_NOTES.get(row.columns["cause"], "of its own") for row in plan.rows]
        assert len(plan.events) == sum(event is not None for event in published)

    @rule(payment=st.sampled_from("pqr"), to=st.sampled_from(["a", "b", "c", None]))
    def move(self, payment: str, to: str | None) -> None:
        facts = self.read(payment)
        target = self.seen(to, payment) if to else None
        if moves.is_there(facts, target):
            return
        movable = facts.status in REFUNDABLE and facts.payment["order_id"] is not None
        try:
            plan = moves.move(facts, target, CAUSE)
        except Conflict:
            assert not movable or facts.payment["refunding_amount"]
            return
        assert movable
        self.write(facts, plan)

    @rule(payment=st.sampled_from("pqr"), to=st.sampled_from("abc"))
    def match(self, payment: str, to: str) -> None:
        facts = self.read(payment)
        if facts.status is PaymentStatus.REVIEW:
            change = PaymentChange(facts)
            moves.match_to_order(change, self.seen(to, payment), CAUSE)
            self.write(facts, change.plan("", ""))

    @rule(payment=st.sampled_from("pqr"), part=st.integers(1, 60))
    def begin_refund(self, payment: str, part: int) -> None:
        row = self.payments[payment].payment
        free = row["amount"] - row["refunded_amount"] - row["refunding_amount"]
        if row["status"] in REFUNDABLE and free >= part:
            self.payments[payment] = make_facts({**row, "refunding_amount": row["refunding_amount"] + part})

    @precondition(lambda self: any(facts.payment["refunding_amount"] for facts in self.payments.values()))
    @rule(paid=st.booleans())
    def end_refunds(self, paid: bool) -> None:
        for payment in self.payments:
            facts = self.read(payment)
            part = facts.payment["refunding_amount"]
            if not part:
                continue
            change = PaymentChange(facts)
            change.set(refunding_amount=0)
            if paid:
                change.set(refunded_amount=facts.payment["refunded_amount"] + part)
                moves.follow_refunds(change, CAUSE)
            self.write(facts, change.plan("", ""))

    @invariant()
    def every_order_has_the_sum_of_its_payments(self) -> None:
        for order_id, at in self.orders.items():
            assert at.received_amount == self.received(order_id)
            rule_of = AmountRule(at.amount_rule) if at.amount_rule else None
            expected = order_status(at.amount_due, at.received_amount, rule_of)
            assert at.status == expected or (at.status in CLOSED and expected in STILL_DUE)

    @invariant()
    def every_payment_is_of_one_order_or_unmatched(self) -> None:
        for facts in self.payments.values():
            row = facts.payment
            assert (row["status"] == "review") is (row["order_id"] is None)
            assert row["expected_order_id"] == (row["order_id"] and row["order_id"].lower())
            assert row["refunded_amount"] + row["refunding_amount"] <= row["amount"]


TestMoves = Moves.TestCase
