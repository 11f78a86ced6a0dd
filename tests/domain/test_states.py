"""The whole of both transition tables, written down a second time, and what must hold of any such table."""

from itertools import product

import pytest

from mpesa_service.domain.states import (
    OPEN,
    PAID,
    PAYMENT_TRANSITIONS,
    PAYOUT_OPEN,
    PAYOUT_TRANSITIONS,
    REFUND_OPEN,
    REFUND_TRANSITIONS,
    REFUNDABLE,
    UNPAID,
    Edge,
    ForbiddenTransition,
    PaymentStatus,
    PayoutStatus,
    RefundStatus,
    TransitionTable,
    edges,
)

PAYMENT_EDGES = {
    ("push_accepted", "submitting", "pending"),
    ("push_refused", "submitting", "failed"),
    ("push_unanswered", "submitting", "unknown"),
    ("timed_out", "pending", "unknown"),
    ("unresolved", "pending", "review"),
    ("unresolved", "unknown", "review"),
    ("settled_by_operator", "review", "succeeded"),
    ("failed_by_operator", "review", "failed"),
    ("unmatched", "submitting", "review"),
    ("matched", "review", "succeeded"),
    ("moved", "succeeded", "succeeded"),
    ("moved", "partially_refunded", "partially_refunded"),
    ("match_undone", "succeeded", "review"),
    ("match_undone", "partially_refunded", "review"),
    ("paid", "submitting", "succeeded"),
    ("paid", "pending", "succeeded"),
    ("paid", "unknown", "succeeded"),
    ("declined", "submitting", "failed"),
    ("declined", "pending", "failed"),
    ("declined", "unknown", "failed"),
    ("canceled_by_customer", "submitting", "canceled"),
    ("canceled_by_customer", "pending", "canceled"),
    ("canceled_by_customer", "unknown", "canceled"),
    ("unclear_result", "submitting", "review"),
    ("unclear_result", "pending", "review"),
    ("unclear_result", "unknown", "review"),
    ("late_payment", "failed", "succeeded"),
    ("late_payment", "canceled", "succeeded"),
    ("duplicate_payment", "submitting", "review"),
    ("duplicate_payment", "pending", "review"),
    ("duplicate_payment", "unknown", "review"),
    ("duplicate_payment", "failed", "review"),
    ("duplicate_payment", "canceled", "review"),
    ("contradicted", "submitting", "review"),
    ("contradicted", "pending", "review"),
    ("contradicted", "unknown", "review"),
    ("contradicted", "failed", "review"),
    ("contradicted", "canceled", "review"),
    ("contradicted", "succeeded", "review"),
    ("contradicted", "partially_refunded", "review"),
    ("contradicted", "refunded", "review"),
    ("refund_reversed", "partially_refunded", "succeeded"),
    ("refund_reversed", "refunded", "succeeded"),
    ("refund_reversed_in_part", "refunded", "partially_refunded"),
    ("refunded_in_part", "succeeded", "partially_refunded"),
    ("refunded_in_part", "partially_refunded", "partially_refunded"),
    ("refunded_in_whole", "succeeded", "refunded"),
    ("refunded_in_whole", "partially_refunded", "refunded"),
}
REFUND_EDGES = {
    ("refund_accepted", "submitting", "pending"),
    ("refund_accepted", "unknown", "pending"),
    ("refund_unresolved", "submitting", "review"),
    ("refund_unresolved", "pending", "review"),
    ("refund_unresolved", "unknown", "review"),
    ("refund_settled_by_operator", "review", "succeeded"),
    ("refund_failed_by_operator", "review", "failed"),
    ("refund_refused", "submitting", "failed"),
    ("refund_unanswered", "submitting", "unknown"),
    ("refund_timed_out", "submitting", "unknown"),
    ("refund_timed_out", "pending", "unknown"),
    ("refund_paid", "submitting", "succeeded"),
    ("refund_paid", "pending", "succeeded"),
    ("refund_paid", "unknown", "succeeded"),
    ("refund_declined", "submitting", "failed"),
    ("refund_declined", "pending", "failed"),
    ("refund_declined", "unknown", "failed"),
    ("refund_unclear", "submitting", "review"),
    ("refund_unclear", "pending", "review"),
    ("refund_unclear", "unknown", "review"),
    ("refund_contradicted", "submitting", "review"),
    ("refund_contradicted", "pending", "review"),
    ("refund_contradicted", "unknown", "review"),
    ("refund_contradicted", "succeeded", "review"),
    ("refund_contradicted", "failed", "review"),
}
PAYOUT_EDGES = {(name.replace("refund_", "payout_"), *ends) for name, *ends in REFUND_EDGES} | {
    ("payout_begun", "waiting", "submitting"),
    ("payout_requeued", "submitting", "waiting"),
    ("payout_stopped", "waiting", "canceled"),
    ("payout_contradicted", "waiting", "review"),
    ("payout_contradicted", "canceled", "review"),
}
TABLES = [
    pytest.param(PAYMENT_TRANSITIONS, PAYMENT_EDGES, PaymentStatus, id="payments"),
    pytest.param(REFUND_TRANSITIONS, REFUND_EDGES, RefundStatus, id="refunds"),
    pytest.param(PAYOUT_TRANSITIONS, PAYOUT_EDGES, PayoutStatus, id="payouts"),
]


def by_operator(edge: Edge) -> bool:
    """A person's word; `matched` is that of the shop whose order the money was for."""
    return edge.name.endswith("_by_operator") or edge.name == "matched"


def reachable(table: TransitionTable, start: str) -> set[str]:
    """Return where a state can lead without a person's word."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        here = waiting.pop()
        ahead = {edge.target for edge in table.edges if edge.source == here and not by_operator(edge)} - found
        found |= ahead
        waiting.extend(ahead)
    return found


@pytest.mark.parametrize(("table", "expected", "_states"), TABLES)
def test_the_table_has_these_edges_and_no_other(table, expected, _states) -> None:
    assert {(edge.name, edge.source.value, edge.target.value) for edge in table.edges} == expected
    assert len(table.edges) == len(expected)


@pytest.mark.parametrize(("table", "expected", "states"), TABLES)
def test_each_edge_leads_where_it_says_and_every_other_pair_is_forbidden(table, expected, states) -> None:
    targets = {(name, source): target for name, source, target in expected}
    names = {name for name, _, _ in expected} | {"", "created", "PAID", "no_such_edge"}
    forbidden = 0
    for name, state in product(names, states):
        if (name, state.value) in targets:
            assert table.target(name, state) is states(targets[name, state.value])
        else:
            forbidden += 1
            with pytest.raises(ForbiddenTransition, match=rf"no edge '{name}' leaves"):
                table.target(name, state)
    assert forbidden == len(names) * len(states) - len(expected)


def test_the_groups_of_payment_states() -> None:
    assert {s.value for s in OPEN} == {"submitting", "pending", "unknown"}
    assert {s.value for s in PAID} == {"succeeded", "partially_refunded", "refunded"}
    assert {s.value for s in UNPAID} == {"failed", "canceled"}
    assert {s.value for s in REFUNDABLE} == {"succeeded", "partially_refunded"}
    assert {s.value for s in REFUND_OPEN} == {"submitting", "pending", "unknown"}


def test_every_payment_state_is_in_exactly_one_group() -> None:
    groups = [OPEN, PAID, UNPAID, {PaymentStatus.REVIEW}]
    assert all(sum(state in group for group in groups) == 1 for state in PaymentStatus)


def test_nothing_leads_from_paid_to_unpaid_or_back_to_open() -> None:
    for state in PAID:
        assert reachable(PAYMENT_TRANSITIONS, state) <= PAID | {PaymentStatus.REVIEW}


def test_no_edge_at_all_leads_from_paid_to_unpaid() -> None:
    for edge in PAYMENT_TRANSITIONS.edges:
        assert not (edge.source in PAID and edge.target in OPEN | UNPAID)


def test_nothing_leads_back_to_open_from_a_verdict() -> None:
    unsent = PAYOUT_OPEN | {PayoutStatus.WAITING}
    tables = ((PAYMENT_TRANSITIONS, OPEN), (REFUND_TRANSITIONS, REFUND_OPEN), (PAYOUT_TRANSITIONS, unsent))
    for table, is_open in tables:
        for edge in table.edges:
            assert edge.target not in is_open or edge.source in is_open


def test_nothing_leads_back_to_submitting() -> None:
    back = [edge.name for table in TABLES for edge in table.values[0].edges if edge.target == "submitting"]
    assert back == ["payout_begun"]


def test_what_was_refunded_becomes_less_only_when_a_refund_is_undone() -> None:
    order = [PaymentStatus.SUCCEEDED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED]
    for edge in PAYMENT_TRANSITIONS.edges:
        if edge.source in order and edge.target in order:
            shrinks = order.index(edge.target) < order.index(edge.source)
            assert shrinks is edge.name.startswith("refund_reversed")


def test_every_open_state_reaches_every_verdict() -> None:
    verdicts = PAID | UNPAID | {PaymentStatus.REVIEW}
    for state in OPEN:
        assert verdicts <= reachable(PAYMENT_TRANSITIONS, state)


def test_every_open_state_is_one_edge_from_each_verdict() -> None:
    for state in OPEN:
        ahead = {edge.target for edge in PAYMENT_TRANSITIONS.edges if edge.source == state}
        assert ahead >= {
            PaymentStatus.SUCCEEDED,
            PaymentStatus.FAILED,
            PaymentStatus.CANCELED,
            PaymentStatus.REVIEW,
        }


def test_every_state_but_the_first_can_be_reached() -> None:
    assert reachable(PAYMENT_TRANSITIONS, PaymentStatus.SUBMITTING) == set(PaymentStatus) - {
        PaymentStatus.SUBMITTING
    }
    assert reachable(REFUND_TRANSITIONS, RefundStatus.SUBMITTING) == set(RefundStatus) - {
        RefundStatus.SUBMITTING
    }


def test_only_a_person_leads_out_of_review_and_nowhere_else() -> None:
    for table in (PAYMENT_TRANSITIONS, REFUND_TRANSITIONS, PAYOUT_TRANSITIONS):
        assert all(by_operator(edge) is (edge.source == "review") for edge in table.edges)
        assert {edge.target.value for edge in table.edges if by_operator(edge)} == {"succeeded", "failed"}


def test_every_state_with_a_verdict_can_be_sent_to_a_person() -> None:
    for state in set(PaymentStatus) - {PaymentStatus.REVIEW}:
        assert PAYMENT_TRANSITIONS.target("contradicted", state) is PaymentStatus.REVIEW


def test_a_refund_that_is_settled_leads_only_to_a_person() -> None:
    for state in (RefundStatus.SUCCEEDED, RefundStatus.FAILED):
        assert reachable(REFUND_TRANSITIONS, state) == {RefundStatus.REVIEW}


def test_every_open_refund_reaches_a_verdict() -> None:
    for state in REFUND_OPEN:
        assert {RefundStatus.SUCCEEDED, RefundStatus.FAILED} <= reachable(REFUND_TRANSITIONS, state)


def test_names_of_edges_fit_the_audit_trail() -> None:
    for table in (PAYMENT_TRANSITIONS, REFUND_TRANSITIONS, PAYOUT_TRANSITIONS):
        assert max(len(edge.name) for edge in table.edges) <= 32


def test_a_payout_that_waits_has_sent_nothing() -> None:
    """Only a payout that M-Pesa surely did not take waits again, and only a waiting payout can be stopped.

    If M-Pesa reports later that it paid, the payout needs manual review.
    """
    into = {edge.name for edge in PAYOUT_TRANSITIONS.edges if edge.target is PayoutStatus.WAITING}
    out = {edge.name for edge in PAYOUT_TRANSITIONS.edges if edge.source is PayoutStatus.WAITING}
    assert (into, out) == (
        {"payout_requeued"},
        {"payout_begun", "payout_stopped", "payout_contradicted"},
    )
    assert reachable(PAYOUT_TRANSITIONS, PayoutStatus.CANCELED) == {PayoutStatus.REVIEW}


@pytest.mark.parametrize("states", [PaymentStatus, RefundStatus, PayoutStatus])
def test_clients_see_each_state_by_its_name_but_submitting_as_pending(states) -> None:
    for state in states:
        assert state.public == ("pending" if state.value == "submitting" else state.value)


def test_two_edges_of_one_name_and_source_are_refused() -> None:
    with pytest.raises(ValueError, match="share a name and a source"):
        TransitionTable([Edge("go", "a", "b"), Edge("go", "a", "c")])


def test_edges_makes_one_from_each_source() -> None:
    assert edges("go", ["a", "b"], "c") == [Edge("go", "a", "c"), Edge("go", "b", "c")]
