"""The tables of docs/states.md are the transition tables of the code."""

import re
from pathlib import Path
from typing import Any

from mpesa_service.domain.payout_batches import BATCH_TRANSITIONS
from mpesa_service.domain.states import (
    OPEN,
    PAID,
    PAYMENT_TRANSITIONS,
    PAYOUT_TRANSITIONS,
    REFUND_TRANSITIONS,
    UNPAID,
    TransitionTable,
)

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "states.md").read_text()
GROUPS = {
    name: {status.value for status in group}
    for name, group in (("open", OPEN), ("unpaid", UNPAID), ("paid", PAID))
}
Move = tuple[str, str, str]


def documented(heading: str) -> set[Move]:
    """Return the moves of the table with this heading: the name, a status before, the status after."""
    table = PAGE.partition(f"| {heading} |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([^`]+)` \| (.+?) \| `(\w+)` \|", table, re.MULTILINE)
    assert rows, heading
    return {
        (name, status, after)
        for name, cell, after in rows
        for word in cell.split(", ")
        for status in GROUPS.get(word, {word.strip("`")})
    }


def of_code(table: TransitionTable[Any]) -> set[Move]:
    return {(edge.name, edge.source.value, edge.target.value) for edge in table.edges}


def of_commands(kind: str) -> set[Move]:
    return {
        (name.replace("…", kind), before, after) for name, before, after in documented("Command transition")
    }


def test_payments() -> None:
    assert documented("Payment transition") == of_code(PAYMENT_TRANSITIONS)


def test_refunds_and_payouts() -> None:
    assert of_commands("refund") == of_code(REFUND_TRANSITIONS)
    assert of_commands("payout") | documented("Payout transition") == of_code(PAYOUT_TRANSITIONS)


def test_batches() -> None:
    assert documented("Batch transition") == of_code(BATCH_TRANSITIONS)


def test_the_diagram_shows_every_transition_of_a_payment() -> None:
    diagram = PAGE.partition("```mermaid")[2].partition("```")[0]
    shown = {name for names in re.findall(r": (.+)$", diagram, re.MULTILINE) for name in names.split(", ")}
    assert shown == {name for name, _, _ in of_code(PAYMENT_TRANSITIONS)}
