"""Sentences about the end of a command, by type of command and ResultCode.

The same code means different things in different commands: a payment to a till has no phone number, and an
inquiry moves no money. Each sentence has the certainty of its source: where only another type of command is
documented to end with a code, the sentence is assumed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mpesa_service.daraja.codes import Confidence, ErrorCode, ErrorKind
from mpesa_service.daraja.command_results import (
    ALREADY_REVERSED,
    COMMAND_RESULTS,
    STATUS_RESULTS,
    UNKNOWN_RECEIPT,
)
from mpesa_service.daraja.values import normalize_code
from mpesa_service.domain.commands import CommandType
from mpesa_service.domain.reports import Outcome

_T = CommandType
_TO_PHONES = (_T.B2C_REFUND, _T.B2C_PAYOUT, _T.POCHI_PAYOUT)
_TO_BUSINESSES = (_T.PAYBILL_PAYOUT, _T.TILL_PAYOUT)
_PAID_OUT = (*_TO_PHONES, *_TO_BUSINESSES)
_MONEY = (*_PAID_OUT, _T.REVERSAL)
_INQUIRIES = (_T.STATUS_INQUIRY, _T.BALANCE_INQUIRY)

_NOT_DONE = {
    **dict.fromkeys(_PAID_OUT, "The money was not sent"),
    _T.REVERSAL: "The payment was not reversed",
    **dict.fromkeys(_INQUIRIES, "M-Pesa did not answer the query"),
}
_AGAIN = {
    **dict.fromkeys(_PAID_OUT, "sent again"),
    _T.REVERSAL: "requested again",
    **dict.fromkeys(_INQUIRIES, "made again"),
}
_FAULT = "{not_done} because of a fault on our side. Once the fault is fixed, it must be {again}."
_BUSY = "M-Pesa is busy at the moment. {not_done}; it must be {again} later."
_NO_MONEY = "{not_done}, because our account does not have enough money. It must be {again}."
_LIMIT = "{not_done} because of a limit of M-Pesa."
_REFUSED = "{not_done}: M-Pesa refused the request."
_REFUSED_QUERY = "M-Pesa refused the query."
_NO_ANSWER = "M-Pesa did not answer the query, and does not say clearly why."
_UNKNOWN = "M-Pesa's result has a code that is in no table. Look it up before you decide."
_UNKNOWN_ANSWER = "M-Pesa did not answer the query. Its result has a code that is in no table."


@dataclass(frozen=True)
class Sentence:
    """A sentence for people, and how certain it is that the code has this meaning for this type."""

    text: str
    confidence: Confidence


Table = dict[tuple[CommandType, str], Sentence]


def _fill(command_type: CommandType, text: str) -> str:
    return text.format(not_done=_NOT_DONE[command_type], again=_AGAIN[command_type])


def _refused(command_type: CommandType) -> str:
    return _REFUSED_QUERY if command_type in _INQUIRIES else _fill(command_type, _REFUSED)


def _default(command_type: CommandType, code: str) -> Sentence:
    """Return the sentence for a code that means nothing special for this type."""
    row = COMMAND_RESULTS[code]
    if row.outcome is Outcome.FAILED:
        return Sentence(_refused(command_type), Confidence.ASSUMED)
    text = _NO_ANSWER if command_type in _INQUIRIES else row.meaning
    return Sentence(text, row.confidence if command_type in _MONEY else Confidence.ASSUMED)


def _rows(codes: str, types: Iterable[CommandType], text: str, confidence: Confidence | None = None) -> Table:
    """Return one text for some codes and types; its certainty is that of the code unless given."""
    return {
        (command_type, code): Sentence(
            _fill(command_type, text), confidence or COMMAND_RESULTS[code].confidence
        )
        for code in codes.split()
        for command_type in types
    }


def _causes(codes: str) -> Table:
    """Return the causes in the words of the code table, for operators: only they read inquiries."""
    return {
        (command_type, code): Sentence(COMMAND_RESULTS[code].meaning, COMMAND_RESULTS[code].confidence)
        for code in codes.split()
        for command_type in _INQUIRIES
    }


_ASSUMED = Confidence.ASSUMED
_SET_UP = "11 18 20 21 22 24 25 29 2001 2028 8006 TP40153"

COMMAND_SENTENCES: Mapping[tuple[CommandType, str], Sentence] = {
    **{
        (command_type, code): _default(command_type, code)
        for command_type in CommandType
        for code in COMMAND_RESULTS
    },
    **_rows("0", _PAID_OUT, "The money has been sent."),
    **_rows("0", [_T.REVERSAL], "The payment has been reversed."),
    **_rows("0", _INQUIRIES, "M-Pesa's answer says nothing."),
    **_rows(_SET_UP, _MONEY, _FAULT),
    **_causes(f"{_SET_UP} 26"),
    **_rows("2001", _INQUIRIES, "The initiator's name, password or certificate is wrong."),
    **_rows("26", _MONEY, _BUSY),
    **_rows("1", _MONEY, _NO_MONEY),
    **_rows("2", _PAID_OUT, "The amount is too small for M-Pesa to send."),
    **_rows("3", _PAID_OUT, "The amount is more than M-Pesa sends at once."),
    **_rows("2 3 4 8", [_T.REVERSAL], _LIMIT, _ASSUMED),
    **_rows(
        "4",
        _TO_PHONES,
        "The money was not sent: it would pass the receiver's daily M-Pesa limit. It must be sent again"
        " tomorrow.",
    ),
    **_rows(
        "4",
        _TO_BUSINESSES,
        "The money was not sent: it would pass a daily limit of M-Pesa. It must be sent again tomorrow.",
        _ASSUMED,
    ),
    **_rows(
        "8",
        _TO_PHONES,
        "The money was not sent: the receiver's M-Pesa account cannot hold that much. Its balance must be"
        " reduced first.",
    ),
    **_rows(
        "8",
        _TO_BUSINESSES,
        "The money was not sent: the M-Pesa account of the receiving business cannot hold that much.",
        _ASSUMED,
    ),
    **_rows("2006", _MONEY, "{not_done}: the state of an M-Pesa account does not allow it."),
    **_rows("2006", _INQUIRIES, "{not_done}: the state of our account does not allow it.", _ASSUMED),
    **_rows(
        "2040",
        _TO_PHONES,
        "The money was not sent: the receiver's phone number is not registered for M-Pesa.",
    ),
    **_rows("2040", _TO_BUSINESSES, "{not_done}: M-Pesa does not pay a business of this type.", _ASSUMED),
    **_rows(
        "SFC_IC0003",
        _TO_PHONES,
        "The money was not sent: the phone number is wrong, or it cannot receive M-Pesa.",
    ),
    **_rows("SFC_IC0003", [_T.PAYBILL_PAYOUT], "{not_done}: M-Pesa does not know this pay bill."),
    **_rows("SFC_IC0003", [_T.TILL_PAYOUT], "{not_done}: M-Pesa does not know this till."),
    **_rows("SFC_IC0003", [_T.REVERSAL], _FAULT, _ASSUMED),
    **_rows("SFC_IC0003", _INQUIRIES, "{not_done}: it does not know our shortcode or our initiator."),
    **_rows(UNKNOWN_RECEIPT, _MONEY, "M-Pesa says that a receipt does not exist.", _ASSUMED),
    (_T.STATUS_INQUIRY, UNKNOWN_RECEIPT): Sentence(
        STATUS_RESULTS[UNKNOWN_RECEIPT].meaning, STATUS_RESULTS[UNKNOWN_RECEIPT].confidence
    ),
    **_rows(ALREADY_REVERSED, _PAID_OUT, "M-Pesa reports a reversal as the result.", _ASSUMED),
    **_rows(
        "R000002",
        [_T.REVERSAL],
        "{not_done}: it could not be found by its receipt.",
    ),
}
"""The sentence for every type of command and every ResultCode in the tables.

For a code whose outcome is UNCLEAR, it is what an operator must know before the decision.
"""


def command_sentence(command_type: CommandType, code: object) -> Sentence:
    """Return the sentence about a command of this type that ended with this ResultCode, of any type."""
    found = COMMAND_SENTENCES.get((command_type, normalize_code(code)))
    if found is not None:
        return found
    return Sentence(_UNKNOWN_ANSWER if command_type in _INQUIRIES else _UNKNOWN, Confidence.ASSUMED)


_MAINTENANCE = "M-Pesa is under maintenance. {not_done}; it must be {again} later."
_ERROR_TEXTS = {
    ErrorKind.REQUEST: _FAULT,
    ErrorKind.SETUP: _FAULT,
    ErrorKind.TOKEN: _FAULT,
    ErrorKind.SPIKE: _BUSY,
    ErrorKind.QUOTA: _BUSY,
    ErrorKind.MAINTENANCE: _MAINTENANCE,
    ErrorKind.SUBSCRIBER_BUSY: _BUSY,
    ErrorKind.DUPLICATE: "The request was made before, and M-Pesa accepted it then.",
}


def refusal_sentence(command_type: CommandType, entry: ErrorCode | None, code: str) -> str:
    """Return the sentence about a command of this type that Daraja refused at once.

    `entry` is the row of its errorCode. A refusal may also have a ResultCode as its `code`.
    """
    if entry is not None and entry.kind in _ERROR_TEXTS:
        return _fill(command_type, _ERROR_TEXTS[entry.kind])
    row = COMMAND_RESULTS.get(normalize_code(code))
    if entry is None and row is not None and row.outcome is Outcome.FAILED:
        return command_sentence(command_type, row.code).text
    return _refused(command_type)
