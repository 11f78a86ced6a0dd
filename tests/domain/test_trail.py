"""Every change and every note of the audit trail has its sentence."""

import ast
from pathlib import Path

import pytest

import mpesa_service
from mpesa_service.domain.event_types import ORDER_NOTES
from mpesa_service.domain.reports import Note, Verdict
from mpesa_service.domain.states import PAYMENT_TRANSITIONS, REFUND_TRANSITIONS
from mpesa_service.domain.trail import SENTENCES, in_words
from mpesa_service.refunds.command import SENT_AGAIN
from mpesa_service.refunds.request import APPROVED

EDGES = {edge.name for table in (PAYMENT_TRANSITIONS, REFUND_TRANSITIONS) for edge in table.edges}


WRITERS = {
    "change.note": 0,
    "self.note": 0,
    "note": 2,
    "change.record": 0,
    "self.record": 0,
    "audit_line": 2,
}
"""What writes a line of the audit trail, and which of its arguments names the cause."""


def names_in_code() -> set[str]:
    """Return every name that the program writes by itself, found in its source."""
    root = Path(mpesa_service.__file__).parent
    found: set[str] = set()
    for path in root.glob("*/*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call):
                found |= names_of(call)
    return found


def names_of(call: ast.Call) -> set[str]:
    target = ast.unparse(call.func)
    if target in {"command.note", "self.note"} and isinstance(call.args[0], ast.Constant):
        return {f"refund_{call.args[0].value}"}
    return named(call.args[WRITERS[target]]) if target in WRITERS else set()


def named(argument: ast.expr) -> set[str]:
    match ast.unparse(argument):
        case (
            "edge" | "f'refund_{what}'"
        ):  # the moves of the tables; the names that RefundCommand.note is given
            return set()
        case "SENT_AGAIN":
            return {f"refund_{SENT_AGAIN}"}
        case "APPROVED":
            return {APPROVED}
        case "what" | "name":  # in functions that are handed the name, or take it from a table
            return set(ORDER_NOTES) | {"order_paid_by_another"}
        case "str(decision.note or decision.verdict)":
            return {word.value for words in (Note, Verdict) for word in words}
    assert isinstance(argument, ast.Constant), ast.unparse(argument)
    return {argument.value}


def test_every_cause_has_a_sentence_and_every_sentence_a_cause() -> None:
    names = names_in_code()
    assert {"created", "refund_created", "lock_released", "refund_disputed"} <= names
    assert set(SENTENCES) == EDGES | names


@pytest.mark.parametrize("sentence", SENTENCES.values())
def test_sentences_are_sentences(sentence: str) -> None:
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert "_" not in sentence


def test_no_two_causes_say_the_same() -> None:
    assert len(set(SENTENCES.values())) == len(SENTENCES)


def test_what_another_release_wrote_is_spelled_out() -> None:
    assert in_words("paid") == SENTENCES["paid"]
    assert in_words("sent_to_the_moon") == "Sent to the moon."
