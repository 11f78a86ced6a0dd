"""ResultCodes of the commands: payouts, business payments, reversals, status and balance.

If a status query ends with 0, only the query succeeded. The status of the payment is in the parameter
TransactionStatus (documented).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mpesa_service.daraja import advice
from mpesa_service.daraja.codes import Confidence, ResultCode, unclear
from mpesa_service.daraja.values import normalize_code
from mpesa_service.domain.reports import Outcome

ALREADY_REVERSED = "R000001"
"""The ResultCode of a reversal whose receipt was reversed before.

As the result of a reversal that was sent again, it means that the first one worked. Otherwise
a person reversed the payment, for example in the portal. Its row is therefore UNCLEAR.
"""
UNKNOWN_RECEIPT = "2032"
"""The ResultCode of a status query for a receipt that M-Pesa does not know, or not yet.

Its text is "The transaction receipt number does not exist." (observed once, on the sandbox).
"""
_DOCUMENTED = Confidence.DOCUMENTED
_FAULT_SAY = "It was not done because of a fault on our side. Once the fault is fixed, it must be sent again."
_CHECK_SAY = "M-Pesa has not reported clearly what happened. We are checking it by hand."
_BUSY_SAY = "M-Pesa is busy at the moment. It was not done; it must be sent again later."


def _row(code: str, meaning: str, say: str, confidence: Confidence = _DOCUMENTED, **more: Any) -> ResultCode:
    resend_safe = more.get("outcome", Outcome.FAILED) is Outcome.FAILED
    return ResultCode(code, meaning, say, confidence, resend_safe=resend_safe, **more)


def _unclear_row(code: str, meaning: str, confidence: Confidence = _DOCUMENTED) -> ResultCode:
    return _row(code, meaning, _CHECK_SAY, confidence, outcome=Outcome.UNCLEAR)


_ROWS = (
    _row("0", "Done.", "M-Pesa has carried out the request.", outcome=Outcome.PAID),
    _row(
        "1",
        "Our utility account does not have enough money: top it up.",
        "It was not done, because our account does not have enough money. It must be sent again.",
        advice=advice.TOP_UP,
    ),
    _row("2", "Below the smallest payment.", "The amount is too small for M-Pesa to send."),
    _row("3", "Above the largest payment.", "The amount is more than M-Pesa sends at once."),
    _row(
        "4",
        "The receiver's daily limit would be exceeded.",
        "It was not done: it would pass a daily limit of M-Pesa. It must be sent again tomorrow.",
    ),
    _row(
        "8",
        "The receiver's largest balance would be exceeded.",
        "It was not done: the receiving M-Pesa account cannot hold that much.",
    ),
    _row("11", "Our shortcode is in an invalid state, such as inactive.", _FAULT_SAY, advice=advice.INACTIVE),
    _unclear_row("15", "A duplicate was detected: the first request must be found."),
    _unclear_row("17", "An internal failure at M-Pesa that does not say how far it got."),
    _row(
        "18",
        "The initiator's credential was rejected.",
        _FAULT_SAY,
        credential_fault=True,
        advice=advice.INITIATOR,
    ),
    _row(
        "20",
        "The initiator could not be resolved.",
        _FAULT_SAY,
        credential_fault=True,
        advice=advice.NO_INITIATOR,
    ),
    _row("21", "The initiator lacks the permission.", _FAULT_SAY, credential_fault=True, advice=advice.ROLE),
    _row("22", "The initiator is not active.", _FAULT_SAY, credential_fault=True, advice=advice.NO_INITIATOR),
    _row("24", "A mandatory field is missing.", _FAULT_SAY, advice=advice.FIELDS),
    _row("25", "A parameter is invalid.", _FAULT_SAY, advice=advice.FIELDS),
    _row("26", "M-Pesa blocks traffic for now.", _BUSY_SAY),
    _row("29", "The command is invalid.", _FAULT_SAY, advice=advice.FIELDS),
    _row(
        "2001",
        "Initiator name, password or certificate is wrong. This is not about the receiver.",
        _FAULT_SAY,
        credential_fault=True,
        advice=advice.INITIATOR,
    ),
    _row(
        "2006",
        "An account's state forbids the transaction.",
        "It was not done: the state of an M-Pesa account does not allow it.",
        advice=advice.ACCOUNTS,
    ),
    _row("2028", "Our shortcode lacks the product.", _FAULT_SAY, advice=advice.NOT_ASSIGNED),
    _unclear_row(UNKNOWN_RECEIPT, "M-Pesa does not know this receipt.", Confidence.REPORTED),
    _row(
        "2040",
        "The receiver is of a type that cannot be paid, such as unregistered.",
        "It was not done: M-Pesa does not pay a receiver of this type.",
    ),
    _row(
        "TP40153",
        "The initiator lacks the permission, or does not belong to the organization.",
        _FAULT_SAY,
        Confidence.REPORTED,
        credential_fault=True,
        advice=advice.ROLE,
    ),
    _row("8006", "The API user is locked.", _FAULT_SAY, credential_fault=True, advice=advice.LOCKED),
    _row(
        "SFC_IC0003",
        "The receiver does not exist: the number is wrong or not on M-Pesa.",
        "It was not done: M-Pesa does not know the receiver.",
    ),
    _unclear_row(ALREADY_REVERSED, "That transaction was already reversed: find out by which request."),
    _row(
        "R000002",
        "The receipt to be reversed is not valid.",
        "It was not done: the payment to be reversed could not be found.",
        advice=advice.RECEIPT,
    ),
    *(
        _unclear_row(str(code), "Overload, fault or rejection at M-Pesa.")
        for code in range(100_000_000, 100_000_012)
    ),
)

COMMAND_RESULTS: dict[str, ResultCode] = {row.code: row for row in _ROWS}


def command_result(code: object) -> ResultCode:
    """Look up a ResultCode of a command, of any type; an unknown one is UNCLEAR."""
    text = normalize_code(code)
    return COMMAND_RESULTS.get(text) or unclear(text)


STATUS_RESULTS: Mapping[str, ResultCode] = {
    UNKNOWN_RECEIPT: ResultCode(
        UNKNOWN_RECEIPT,
        "M-Pesa does not know this receipt.",
        "M-Pesa does not know this receipt. Please check it, or ask again in a few minutes.",
        Confidence.REPORTED,
        advice=advice.UNKNOWN_RECEIPT,
    )
}
"""The rows of status queries that differ from those of the other commands."""


def status_query_result(code: object) -> ResultCode:
    """Look up the ResultCode of a status query.

    It says nothing about the transaction itself: a failed query does not make it safe to pay again.
    So the returned row has no verdict. It keeps code, meaning, `credential_fault` and `known`.
    """
    row = STATUS_RESULTS.get(normalize_code(code))
    say = row.say if row is not None else _CHECK_SAY
    return replace(row or command_result(code), outcome=Outcome.PENDING, resend_safe=False, say=say)
