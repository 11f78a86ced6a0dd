"""Every change and every note of the audit trail has its sentence."""

import ast
from pathlib import Path

import pytest

import mpesa_service
from mpesa_service.domain.announcements import ORDER_NOTES
from mpesa_service.domain.decisions import Remark, Verdict
from mpesa_service.domain.states import PAYMENT_TRANSITIONS, REFUND_TRANSITIONS
from mpesa_service.domain.trail import SENTENCES, in_words
from mpesa_service.services.commands.refund import SENT_AGAIN

EDGES = {edge.name for table in (PAYMENT_TRANSITIONS, REFUND_TRANSITIONS) for edge in table.edges}


def names_in_code() -> set[str]:
    """Return every name that the program writes by itself, found in its source."""
    found: set[str] = set()
    for path in Path(mpesa_service.__file__).parent.rglob("*.py"):
        writers = {"note": 2, "_record": 5} if path.name == "states.py" else {"note": 2}
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in writers:
                found |= names_of(call.args[writers[call.func.id]])
            if isinstance(call, ast.Call) and ast.unparse(call.func) in {"command.note", "self.note"}:
                found |= {f"refund_{ast.literal_eval(known(call.args[0]))}"}
    return found


def known(argument: ast.expr) -> ast.expr:
    """Return what a kind of command notes; one name is a constant's."""
    return ast.Constant(SENT_AGAIN) if ast.unparse(argument) == "SENT_AGAIN" else argument


def names_of(argument: ast.expr) -> set[str]:
    match ast.unparse(argument):
        case "edge" | "f'refund_{what}'":  # handed on by the functions that move and note
            return set()
        case "what":
            return set(ORDER_NOTES)
        case "str(decision.remark or decision.verdict)":
            return {word.value for words in (Remark, Verdict) for word in words}
    assert isinstance(argument, ast.Constant), ast.unparse(argument)
    return {argument.value}


def test_every_cause_has_a_sentence_and_every_sentence_a_cause() -> None:
    names = names_in_code()
    assert {"created", "refund_created", "let_go", "refund_disputed"} <= names
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
