"""How batches move, who may approve, and how long it takes."""

from itertools import product

import pytest

from mpesa_service.domain.commands import BatchStatus
from mpesa_service.domain.payout_batches import (
    BATCH_TRANSITIONS,
    PAYOUT_UNFINISHED,
    is_same_actor,
    seconds_left,
)
from mpesa_service.domain.states import ForbiddenTransition

EDGES = {
    ("approved", "waiting_approval"): "running",
    ("paused", "running"): "paused",
    ("resumed", "paused"): "running",
    ("stopped", "waiting_approval"): "stopped",
    ("stopped", "running"): "stopped",
    ("stopped", "paused"): "stopped",
    ("finished", "running"): "done",
    ("finished", "paused"): "done",
    ("finished", "stopped"): "stopped",
}


@pytest.mark.parametrize(("name", "state"), list(product(sorted({name for name, _ in EDGES}), BatchStatus)))
def test_a_batch_moves_along_these_edges_and_no_other(name: str, state: BatchStatus) -> None:
    if (name, state) in EDGES:
        assert BATCH_TRANSITIONS.target(name, state) == EDGES[name, state]
    else:
        with pytest.raises(ForbiddenTransition):
            BATCH_TRANSITIONS.target(name, state)


def test_a_row_is_unfinished_while_it_may_move_by_itself() -> None:
    assert {str(state) for state in PAYOUT_UNFINISHED} == {"waiting", "submitting", "pending", "unknown"}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("amina", "amina", True),
        ("amina", "operator:amina", True),
        ("operator:amina", "amina", True),
        ("amina", "otieno", False),
        ("operator:amina", "operator:otieno", False),
        ("operator:Amina", "operator:amina", True),
        ("operator: amina ", "AMINA", True),
        ("operator:Amina  Wanjiku", "amina wanjiku", True),
        ("Operator:amina", "amina", True),
        ("operator:am\u200bina", "amina", True),
        ("operator:\uff21mina", "amina", True),
        ("Amina\u0301", "amin\u00e1", True),
        ("stra\u00dfe", "STRASSE", True),
        ("amina w", "aminaw", False),
    ],
)
def test_one_person_by_two_ways(one: str, other: str, same: bool) -> None:
    assert is_same_actor(one, other) is same


def test_the_time_that_rows_take() -> None:
    assert [seconds_left(rows, 60) for rows in (0, 1, 10_000)] == [0, 1, 10_000]
    assert seconds_left(1, 7) == 9
