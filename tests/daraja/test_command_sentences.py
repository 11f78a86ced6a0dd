"""The sentence of every type of command and every code: right for this type, and no word that is not."""

import re

import pytest

from mpesa_service.daraja import (
    ALREADY_REVERSED,
    COMMAND_RESULTS,
    COMMAND_SENTENCES,
    ERROR_CODES,
    UNKNOWN_RECEIPT,
    Confidence,
    command_result,
    command_sentence,
    refusal_sentence,
    status_query_result,
)
from mpesa_service.domain.commands import CommandType
from mpesa_service.domain.reports import Outcome

TO_PHONES = (CommandType.B2C_REFUND, CommandType.B2C_PAYOUT, CommandType.POCHI_PAYOUT)
TO_BUSINESSES = (CommandType.PAYBILL_PAYOUT, CommandType.TILL_PAYOUT)
INQUIRIES = (CommandType.STATUS_INQUIRY, CommandType.BALANCE_INQUIRY)
CODES = [*COMMAND_RESULTS, "31337", "", None]
FORBIDDEN = {
    **dict.fromkeys(TO_PHONES, "customer|pay bill|till|your|query"),
    **dict.fromkeys(TO_BUSINESSES, "phone|number|customer|your|query|registered"),
    CommandType.REVERSAL: "phone|number|customer|your|receiver|payee|sent|query|pay bill|till",
    **dict.fromkeys(INQUIRIES, "phone|number|customer|your|receiver|payee|sent|moved|paid|money|reversed"),
}


def sentences(command_type: CommandType) -> dict[str, str]:
    return {str(code): command_sentence(command_type, code).text for code in CODES}


def test_every_type_and_code_has_a_sentence_with_a_source() -> None:
    assert set(COMMAND_SENTENCES) == {(one, code) for one in CommandType for code in COMMAND_RESULTS}
    assert {sentence.confidence for sentence in COMMAND_SENTENCES.values()} <= set(Confidence)
    for command_type in CommandType:
        for text in sentences(command_type).values():
            assert re.fullmatch(r"[A-Z][^{}]{14,160}\.", text)


@pytest.mark.parametrize("command_type", CommandType)
def test_no_sentence_has_a_word_of_another_type(command_type: CommandType) -> None:
    forbidden = re.compile(rf"\b({FORBIDDEN[command_type]})", re.IGNORECASE)
    texts = set(sentences(command_type).values())
    texts |= {refusal_sentence(command_type, entry, entry.code) for entry in ERROR_CODES}
    texts.add(refusal_sentence(command_type, None, "31337"))
    for text in texts:
        assert not forbidden.search(text), text


@pytest.mark.parametrize("command_type", [*TO_PHONES, *TO_BUSINESSES, CommandType.REVERSAL])
def test_a_failure_promises_no_money_and_an_open_end_promises_nothing(command_type: CommandType) -> None:
    for code, row in COMMAND_RESULTS.items():
        text = command_sentence(command_type, code).text
        if row.outcome is Outcome.FAILED:
            assert "has been" not in text
        if row.outcome is Outcome.UNCLEAR:
            assert "not sent" not in text
            assert "not reversed" not in text


@pytest.mark.parametrize("command_type", [*TO_PHONES, *TO_BUSINESSES, CommandType.REVERSAL])
def test_what_people_read_about_money_needs_no_knowledge_of_the_api(command_type: CommandType) -> None:
    for code, row in COMMAND_RESULTS.items():
        if row.outcome is not Outcome.UNCLEAR:
            text = command_sentence(command_type, code).text
            assert not re.search(r"errorCode|HTTP|token|shortcode|initiator|\d{3}", text)


@pytest.mark.parametrize(
    ("command_type", "code", "words"),
    [
        (CommandType.B2C_REFUND, 2040, "phone number is not registered"),
        (CommandType.B2C_PAYOUT, "4", "receiver's daily M-Pesa limit"),
        (CommandType.POCHI_PAYOUT, "sfc_ic0003", "phone number is wrong"),
        (CommandType.PAYBILL_PAYOUT, "SFC_IC0003", "does not know this pay bill"),
        (CommandType.TILL_PAYOUT, "SFC_IC0003", "does not know this till"),
        (CommandType.TILL_PAYOUT, "tp40153", "fault on our side"),
        (CommandType.REVERSAL, "TP40153", "The payment was not reversed because of a fault on our side"),
        (CommandType.REVERSAL, "8", "not reversed because of a limit"),
        (CommandType.REVERSAL, ALREADY_REVERSED, "already reversed"),
        (CommandType.STATUS_INQUIRY, UNKNOWN_RECEIPT, "M-Pesa does not know this receipt."),
        (CommandType.STATUS_INQUIRY, "TP40153", "lacks the permission"),
        (CommandType.BALANCE_INQUIRY, 2001, "name, password or certificate"),
        (CommandType.BALANCE_INQUIRY, 1, "refused the query"),
        (CommandType.BALANCE_INQUIRY, "31337", "in no table"),
        (CommandType.B2C_PAYOUT, "31337", "in no table"),
    ],
)
def test_a_sentence(command_type: CommandType, code: object, words: str) -> None:
    assert words in command_sentence(command_type, code).text


def test_the_certainty_is_that_of_the_type() -> None:
    def confidence(command_type: CommandType, code: str) -> Confidence:
        return command_sentence(command_type, code).confidence

    assert confidence(CommandType.B2C_REFUND, "4") is Confidence.DOCUMENTED
    assert confidence(CommandType.REVERSAL, "4") is Confidence.ASSUMED
    assert confidence(CommandType.TILL_PAYOUT, "TP40153") is Confidence.REPORTED
    assert confidence(CommandType.STATUS_INQUIRY, UNKNOWN_RECEIPT) is Confidence.REPORTED
    assert confidence(CommandType.PAYBILL_PAYOUT, "31337") is Confidence.ASSUMED


def test_an_unknown_receipt_has_a_row_of_its_own_in_status_results() -> None:
    row = status_query_result(2032)
    assert (row.code, row.meaning, row.known) == ("2032", "M-Pesa does not know this receipt.", True)
    assert row.confidence is Confidence.REPORTED
    assert row.advice is not None
    assert "letter by letter" in row.advice
    assert row.outcome is Outcome.PENDING
    assert command_result(2032).outcome is Outcome.UNCLEAR, "as the result of a command that moves money"


@pytest.mark.parametrize("code", ["TP40153", "tp40153 "])
def test_an_operator_without_permission_is_a_fault_of_the_set_up(code: str) -> None:
    row = command_result(code)
    assert (row.outcome, row.resend_safe, row.credential_fault) == (Outcome.FAILED, True, True)
    assert row.confidence is Confidence.REPORTED
    assert row.advice == command_result(21).advice


@pytest.mark.parametrize("command_type", CommandType)
def test_refused_at_once(command_type: CommandType) -> None:
    for entry in ERROR_CODES:
        assert re.fullmatch(r"[A-Z][^{}]{14,160}\.", refusal_sentence(command_type, entry, entry.code))
    by_result_code = refusal_sentence(command_type, None, "2001")
    assert by_result_code == command_sentence(command_type, "2001").text
    assert "refused the " in refusal_sentence(command_type, None, "15"), "it was not accepted at all"
