"""The code tables, row by row against the portal's documentation and what was observed."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.daraja import (
    ALREADY_REVERSED,
    COMMAND_RESULTS,
    ERROR_CODES,
    STK_RESULTS,
    Confidence,
    ErrorKind,
    command_result,
    error_entry,
    normalize_code,
    status_query_result,
    stk_result,
)
from mpesa_service.domain.reports import Outcome

STK_FAILED = [
    *("1", "2", "3", "4", "8", "15", "17", "21", "26", "1001", "1019", "1025", "1036", "1037"),
    *("1101", "1102", "2001", "2006", "2008", "2026", "2028", "2029", "8006", "9999", "SFC_IC0003"),
]
STK_UNSAFE = {"0", "15", "17", "1001", "1019", "1036", "1037", "2026", "4999"}
COMMAND_FAILED = [
    *("1", "2", "3", "4", "8", "11", "18", "20", "21", "22", "24", "25", "26", "29", "2001"),
    *("2006", "2028", "2040", "8006", "SFC_IC0003", "R000002", "TP40153"),
]
COMMAND_UNCLEAR = ["15", "17", "2032", ALREADY_REVERSED, *map(str, range(100000000, 100000012))]


def test_the_stk_table_is_complete():
    assert set(STK_RESULTS) == {"0", "1031", "1032", "4999", *STK_FAILED}


@pytest.mark.parametrize("code", STK_FAILED)
def test_stk_failures_are_final(code):
    row = stk_result(code)
    assert (row.code, row.outcome, row.final) == (code, Outcome.FAILED, True)


@pytest.mark.parametrize("code", ["1031", "1032", 1031, 1032])
def test_stk_cancellations(code):
    row = stk_result(code)
    assert (row.outcome, row.final, row.resend_safe) == (Outcome.CANCELED, True, True)


def test_stk_success_and_pending():
    assert (stk_result(0).outcome, stk_result(0).final) == (Outcome.PAID, True)
    assert (stk_result("4999").outcome, stk_result("4999").final) == (Outcome.PENDING, False)


def test_a_second_push_is_safe_only_where_the_first_cannot_be_paid():
    assert {code for code, row in STK_RESULTS.items() if not row.resend_safe} == STK_UNSAFE


def test_only_commands_have_credential_faults():
    faults = {code for code, row in COMMAND_RESULTS.items() if row.credential_fault}
    assert faults == {"2001", "8006", "18", "20", "21", "22", "TP40153"}
    assert not any(row.credential_fault for row in STK_RESULTS.values())


def test_the_command_table_is_complete():
    assert set(COMMAND_RESULTS) == {"0", *COMMAND_FAILED, *COMMAND_UNCLEAR}


@pytest.mark.parametrize("code", COMMAND_FAILED)
def test_command_failures_are_final_and_may_be_paid_again(code):
    row = command_result(code)
    assert (row.outcome, row.final, row.resend_safe) == (Outcome.FAILED, True, True)


@pytest.mark.parametrize("code", COMMAND_UNCLEAR)
def test_ambiguous_commands_are_left_to_a_person(code):
    row = command_result(code)
    assert (row.outcome, row.final, row.resend_safe) == (Outcome.UNCLEAR, False, False)


def test_a_second_reversal_is_distinguished():
    assert command_result("r000001").code == ALREADY_REVERSED == "R000001"
    assert command_result("R000002").code != ALREADY_REVERSED


def test_a_finished_command_must_not_be_sent_again():
    row = command_result("0")
    assert (row.outcome, row.final, row.resend_safe) == (Outcome.PAID, True, False)


@pytest.mark.parametrize("code", [*COMMAND_RESULTS, "31337", "", None])
def test_how_a_status_query_ended_says_nothing_about_money(code):
    row, plain = status_query_result(code), command_result(code)
    assert (row.outcome, row.final, row.resend_safe) == (Outcome.PENDING, False, False)
    assert (row.code, row.meaning) == (plain.code, plain.meaning)
    assert row.credential_fault == plain.credential_fault
    assert "has been sent" not in row.say
    assert "not sent" not in row.say


@pytest.mark.parametrize("lookup", [stk_result, command_result])
@pytest.mark.parametrize("code", ["31337", "03", 12345, "", None, True, 0.0, Decimal("0.5"), [], {}])
def test_nobody_guesses_an_unknown_code(lookup, code):
    row = lookup(code)
    assert (row.outcome, row.final, row.resend_safe) == (Outcome.UNCLEAR, False, False)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "0"),
        ("0", "0"),
        (" 0 ", "0"),
        ("00000000", "0"),
        (1037, "1037"),
        ("1037\n", "1037"),
        ("01037", "01037"),
        (-1, "-1"),
        ("sfc_ic0003", "SFC_IC0003"),
        (10**31, "1" + "0" * 31),
        (10**32, ""),
        pytest.param(10**5000, "", id="huge"),
        ("x" * 99, "X" * 32),
        (False, ""),
        (True, ""),
        (None, ""),
        (1.0, ""),
        (b"0", ""),
        ("  ", ""),
        ("\u0660", "\u0660"),
    ],
)
def test_normalize(code, text):
    assert normalize_code(code) == text


@given(st.text() | st.integers() | st.floats() | st.none() | st.booleans() | st.binary())
def test_any_code_gets_a_row(code):
    row = stk_result(code)
    assert (row.outcome is Outcome.PAID) == (normalize_code(code) == "0")


ALL_ROWS = [*STK_RESULTS.values(), *COMMAND_RESULTS.values(), *ERROR_CODES, stk_result("?")]


@pytest.mark.parametrize("row", ALL_ROWS, ids=lambda row: row.code)
def test_every_row_can_be_read_aloud(row):
    assert re.fullmatch(r"[A-Z].{15,160}\.", row.say)
    assert not re.search(r"errorCode|HTTP|token|shortcode|initiator|\d{3}", row.say)
    assert row.meaning.endswith(".")
    assert row.confidence in Confidence


@pytest.mark.parametrize("row", [row for row in ALL_ROWS if row.advice], ids=lambda row: row.code)
def test_advice_is_written_in_sentences(row):
    assert re.fullmatch(r"[A-Z].{40,400}\.", row.advice)
    assert "  " not in row.advice


def test_every_fault_of_the_configuration_has_advice():
    kinds = {ErrorKind.REQUEST, ErrorKind.SETUP, ErrorKind.TOKEN, ErrorKind.REGISTERED, ErrorKind.QUOTA}
    assert all(row.advice for row in ERROR_CODES if row.kind in kinds)
    assert all(row.advice for row in COMMAND_RESULTS.values() if row.credential_fault)
    assert all(row.advice for row in COMMAND_RESULTS.values() if "fault on our side" in row.say)


def test_rows_without_a_fix_have_no_advice():
    assert command_result("0").advice is command_result("31337").advice is stk_result("1032").advice is None
    assert error_entry(500, "500.001.1001", "The transaction is being processed").advice is None


@pytest.mark.parametrize(("status", "code"), [(404, "404.001.03"), (400, "400.003.01"), (401, "401.002.01")])
def test_what_to_check_about_a_refused_token(status, code):
    advice = error_entry(status, code, "Invalid Access Token").advice
    for hint in ("sandbox", "production", "product", "go-live", "new token"):
        assert hint in advice


@pytest.mark.parametrize("lookup", [command_result, status_query_result])
def test_what_to_check_about_a_refused_initiator(lookup):
    for hint in ("name", "password", "90 days", "certificate", "environment"):
        assert hint in lookup(2001).advice
    assert "Reversals Initiator" in lookup(21).advice
    assert "Unlock" in lookup("8006").advice


def test_no_failure_with_an_open_end_promises_that_no_money_was_taken():
    for row in (*STK_RESULTS.values(), *COMMAND_RESULTS.values()):
        assert row.resend_safe or "No money" not in row.say
    for row in ERROR_CODES:
        assert row.kind is not ErrorKind.AMBIGUOUS or "No money" not in row.say


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "safe"),
    [
        (400, "400.002.02", "Bad Request - Invalid BusinessShortCode", "request", False),
        (400, "400.002.02", "Bad Request - Invalid CheckoutRequestID", "unknown_id", False),
        (400, "400.002.05", "Invalid Request Payload", "request", False),
        (400, "400.003.01", "Invalid Access Token", "token", True),
        (400, "400.003.02", "Bad Request", "request", False),
        (400, "400.008.01", "Invalid Authentication passed", "setup", False),
        (400, "400.008.02", "Invalid grant type passed", "setup", False),
        (401, "401.002.01", "Error Occurred - Invalid Access Token - abc", "token", True),
        (401, "401.003.01", "Invalid Access Token - no apiproduct match found", "setup", False),
        (404, "404.001.03", "Invalid Access Token", "token", True),
        (404, "404.001.03", "Invalid API call as no apiproduct match found", "setup", False),
        (404, "404.001.01", "Resource not found", "setup", False),
        (404, "404.002.01", "Resource not found", "setup", False),
        (404, "404.003.01", "Resource not found", "setup", False),
        (404, "404.001.04", "Invalid Authentication Header", "setup", False),
        (405, "405.001", "Method Not Allowed", "setup", False),
        (500, "500.001.1001", "Merchant does not exist", "setup", False),
        (500, "500.001.1001", "[MerchantValidate] - Wrong credentials", "setup", False),
        (
            500,
            "500.001.1001",
            "Unable to lock subscriber, a transaction is already in process for the current subscriber",
            "subscriber_busy",
            False,
        ),
        (500, "500.001.1001", "The transaction is being processed", "pending", False),
        (500, "500.001.1001", "The transaction does not Exist", "unknown_id", False),
        (500, "500.001.1001", "Internal Server Error", "ambiguous", False),
        (500, "500.002.1001", "Duplicate OriginatorConversationID.", "duplicate", False),
        (500, "500.002.1001", "System internal error.", "ambiguous", False),
        (500, "500.002.1001", "Service is currently under maintenance", "maintenance", True),
        (500, "00.002.1001", "Service is currently under maintenance", "maintenance", True),
        (500, "500.003.02", "Error Occurred: Spike Arrest Violation", "spike", True),
        (500, "500.003.02", "System is busy. Please try again in few minutes.", "spike", True),
        (500, "500.003.03", "Quota Violation", "quota", True),
        (500, "500.003.1001", "Internal Server Error", "ambiguous", False),
        (500, "500.003.1001", "Urls are already registered.", "registered", False),
        (500, "500.003.1001", "Duplicate notification info, SP ID is 1", "registered", False),
        (429, "policies.ratelimit.SpikeArrestViolation", "Spike arrest", "spike", True),
        (429, "policies.ratelimit.QuotaViolation", "Rate limit quota", "quota", True),
        (429, "never.seen", "slow down", "spike", True),
        (429, "", "", "spike", True),
        (403, "", "<html>Incapsula</html>", "ambiguous", False),
    ],
)
def test_error_entry(status, code, message, kind, safe):
    entry = error_entry(status, code, message)
    assert (entry.kind, entry.resend_safe) == (kind, safe)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, "400.999.99", "New"),
        (500, "", ""),
        (404, "", "Invalid Access Token"),
        (400, "", "no apiproduct match found"),
        (403, "403.1", ""),
    ],
)
def test_error_entry_knows_what_it_does_not_know(status, code, message):
    assert error_entry(status, code, message) is None


def test_every_row_of_the_error_table_can_be_reached():
    for row in ERROR_CODES:
        assert error_entry(row.http_status, row.code, row.fragment) is row


def test_a_code_begins_with_its_usual_status():
    for row in ERROR_CODES:
        if re.match(r"[1-9]\d\d\.", row.code):
            assert row.http_status == int(row.code[:3])


def test_refusals_that_settle_nothing():
    open_kinds = {row.kind for row in ERROR_CODES if not row.final}
    assert open_kinds == {ErrorKind.PENDING, ErrorKind.UNKNOWN_ID, ErrorKind.AMBIGUOUS}
