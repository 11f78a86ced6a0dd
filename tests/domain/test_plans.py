"""What a decision's plan contains."""

from dataclasses import replace

import pytest

from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.facts import HolderFacts, OrderFacts, PaymentFacts
from mpesa_service.domain.planning import apply_report
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.reports import Evidence, Outcome, PaymentReport
from mpesa_service.domain.states import PAYMENT_TRANSITIONS, PaymentStatus
from tests.domain.facts import AT, payment_facts


def plan_of(facts: PaymentFacts, report: PaymentReport) -> Plan:
    """Return the plan for a report, as the service makes it."""
    change = PaymentChange(facts)
    decision = apply_report(change, report)
    return change.plan(decision.verdict, decision.reason)


def test_an_edge_leads_to_one_state_from_wherever_it_leaves() -> None:
    """Only a move stays where it is, in either paid status."""
    targets = {(edge.name, edge.target) for edge in PAYMENT_TRANSITIONS.edges if edge.name != "moved"}
    assert len(targets) == len({name for name, _ in targets})


@pytest.mark.parametrize("order_paid", [True, False])
def test_a_payment_that_is_paid_after_all_takes_its_order_back(order_paid: bool) -> None:
    """Unless the other one is paid, too: then a person decides."""
    status = PaymentStatus.SUCCEEDED if order_paid else PaymentStatus.PENDING
    facts = replace(payment_facts(PaymentStatus.UNKNOWN), holder=HolderFacts("another", 7, status, 2))
    report = PaymentReport(Evidence.QUERY, Outcome.PAID, AT, "0")
    plan = plan_of(facts, report)
    held = [(change.id, change.version, change.columns.get("order_lock")) for change in plan.changes]
    lines = [(row.columns["payment_id"], row.columns["cause"]) for row in plan.rows]
    if order_paid:
        assert held == [("payment", 1, None)]
        assert lines == [("payment", "duplicate_payment")]
    else:
        assert held == [("another", 7, None), ("payment", 1, "ORDER1")], "the holder releases first"
        assert lines == [("payment", "paid"), ("another", "order_paid_by_another")]


def test_what_a_move_writes_is_one_plan() -> None:
    report = PaymentReport(Evidence.CALLBACK, Outcome.PAID, AT, "0", "Done", "NLJ7RT61SV", 100)
    order = OrderFacts("order", 3, "shop", "ORDER1", 150, None, 50, 50, "partially_paid", None, {"cart": 1})
    facts = replace(payment_facts(event_count=2, order_lock="ORDER1"), order=order)
    plan = plan_of(facts, report)
    assert (plan.verdict, plan.payment_id) == ("applied", "payment")
    payment, expected = plan.changes
    assert {"status", "receipt", "evidence", "expected_order_id", "order_lock"} <= payment.columns.keys()
    assert (expected.id, expected.version) == ("order", 3)
    assert expected.columns == {"received_amount": 150, "status": "paid", "updated_at": AT}
    assert [row.columns["cause"] for row in plan.rows] == ["paid", "order_paid"]
    assert [(event.type, event.sequence) for event in plan.events] == [
        ("payment.succeeded", 1),
        ("order.paid", 2),
    ]
    assert [line.extra["cause"] for line in plan.log] == ["paid", "order_paid"]


def test_a_report_that_changes_nothing_still_rests_on_the_payment() -> None:
    facts = payment_facts(PaymentStatus.CANCELED)
    plan = plan_of(facts, PaymentReport(Evidence.CALLBACK, Outcome.CANCELED, AT, "1032"))
    [change] = plan.changes
    assert (plan.verdict, change.version, change.columns) == ("duplicate", 1, {})
    assert not plan.rows
    assert not plan.events
