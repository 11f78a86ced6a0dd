"""Every transition of every table, and its event: written down a second time."""

from mpesa_service.domain.changes import payment_event_type
from mpesa_service.domain.commands import BatchStatus
from mpesa_service.domain.event_types import (
    ORDER_NOTES,
    EventType,
    batch_event_type,
    payout_event_type,
    refund_event_type,
)
from mpesa_service.domain.payout_batches import BATCH_TRANSITIONS
from mpesa_service.domain.states import PAYMENT_TRANSITIONS, PAYOUT_TRANSITIONS, REFUND_TRANSITIONS

SILENT_PAYMENT_EDGES = {"push_accepted", "push_unanswered", "timed_out"}
SILENT_REFUND_EDGES = {"refund_accepted", "refund_unanswered", "refund_timed_out"}
SILENT_PAYOUT_EDGES = {
    "payout_begun",
    "payout_requeued",
    "payout_stopped",
    "payout_accepted",
    "payout_unanswered",
    "payout_timed_out",
}


def test_every_payment_edge() -> None:
    published = set()
    for edge in PAYMENT_TRANSITIONS.edges:
        event = payment_event_type(edge.name, edge.target)
        if edge.name in SILENT_PAYMENT_EDGES:
            assert event is None, edge
        elif edge.name == "duplicate_payment":
            assert event is EventType.PAYMENT_DUPLICATE
        elif edge.name in {"moved", "match_undone"}:
            assert event is EventType.PAYMENT_MOVED
        else:
            assert event == f"payment.{edge.target.value}"
        published.add(event)
    assert published - {None} == {word for word in EventType if word.startswith("payment.")}


def test_every_refund_edge() -> None:
    published = set()
    for edge in REFUND_TRANSITIONS.edges:
        event = refund_event_type(edge.target)
        if edge.name in SILENT_REFUND_EDGES:
            assert event is None, edge
        else:
            assert event == f"refund.{edge.target.value}"
        published.add(event)
    assert published - {None} == {word for word in EventType if word.startswith("refund.")}


def test_every_payout_edge() -> None:
    published = set()
    for edge in PAYOUT_TRANSITIONS.edges:
        event = payout_event_type(edge.target)
        if edge.name in SILENT_PAYOUT_EDGES:
            assert event is None, edge
        else:
            assert event == f"payout.{edge.target.value}"
        published.add(event)
    assert published - {None} == {word for word in EventType if word.startswith("payout.")}


def test_every_edge_of_a_batch() -> None:
    published = {edge.name: batch_event_type(edge.name, edge.target) for edge in BATCH_TRANSITIONS.edges}
    assert {name for name, event in published.items() if event} == {"finished"}
    assert published["finished"] == "payout_batch.done"
    assert batch_event_type("created", BatchStatus.WAITING_APPROVAL) == "payout_batch.waiting_approval"
    assert batch_event_type("created", BatchStatus.RUNNING) is None


def test_every_change_of_an_order_has_its_note() -> None:
    published = {note: event for note, event in ORDER_NOTES.items() if event is not None}
    assert published == {
        "order_partially_paid": EventType.ORDER_PARTIALLY_PAID,
        "order_paid": EventType.ORDER_PAID,
        "order_overpaid": EventType.ORDER_OVERPAID,
    }
    assert ORDER_NOTES.keys() - published.keys() == {"order_open", "order_expired", "order_canceled"}
    assert set(published.values()) == {word for word in EventType if word.startswith("order.")}
    edges = {edge.name for edge in (*PAYMENT_TRANSITIONS.edges, *REFUND_TRANSITIONS.edges)}
    assert not edges & ORDER_NOTES.keys(), "a note must not be taken for a move"
