"""The outcomes of requests, and how a phone number or an amount chooses one.

A phone number whose last six digits are 99 and a four-digit code chooses the outcome, and so does an
amount of 240000 plus the code: 254712991032 cancels, and so does a push of KES 241032. Because of the 99,
typical test numbers (254700000001, 254712345678) choose no outcome.

The codes and texts are those of the portal's STK and B2C pages. Codes 7xxx are the simulator's own.
"""

from dataclasses import dataclass, field

ResultCode = int | str
"""Daraja's result codes are numbers, except for a few such as SFC_IC0003."""

PREFIX = "99"
AMOUNT_BASE = 240_000

PAID_TEXT = "The service request is processed successfully."
NO_ANSWER = 1037
WRONG_PIN = 2001
PIN_LOCKED = 8006

SUBSCRIBER_LOCKED = (
    "Unable to lock subscriber, a transaction is already in process for the current subscriber"
)

STK_TEXTS: dict[ResultCode, str] = {
    0: PAID_TEXT,
    1: "The balance is insufficient for the transaction.",
    17: "Rule limited.",
    26: "System busy. Please try again in few minutes.",
    1001: SUBSCRIBER_LOCKED,
    1019: "Transaction has expired",
    1025: "An error occurred while sending a push request",
    1032: "Request cancelled by user",
    1037: "No response from user.",
    2001: "The initiator information is invalid.",
    2028: "The request is not permitted according to product assignment.",
    8006: "The security credential is locked.",
    9999: "An error occurred while sending a push request",
    "SFC_IC0003": "The operator does not exist.",
}
PHONE_TEXTS: dict[ResultCode, str] = {
    WRONG_PIN: "You entered a wrong PIN.",
    PIN_LOCKED: "Your PIN is locked.",
}
"""What the phone and the log say. The wire has the texts of STK_TEXTS."""

QUERY_TEXTS: dict[ResultCode, str] = STK_TEXTS | {1037: "DS timeout user cannot be reached."}
"""The text of code 1037 differs between callback and query."""

B2C_TEXTS: dict[ResultCode, str] = {
    0: PAID_TEXT,
    1: "The balance is insufficient for the transaction.",
    2: "Declined due to limit rule: less than the minimum transaction amount.",
    4: "Declined due to limit rule: would exceed the daily transfer limit.",
    8: "Declined due to limit rule: would exceed the maximum balance.",
    11: "The DebitParty is in an invalid state.",
    15: "Duplicate Detected.",
    17: "System internal error.",
    21: "The initiator is not allowed to initiate this request.",
    26: "System busy. Please try again in few minutes.",
    2001: "The initiator information is invalid.",
    2028: "The request is not permitted according to product assignment.",
    2040: "Credit Party customer type (Unregistered or Registered Customer) can't be supported.",
    8006: "The security credential is locked.",
    "SFC_IC0003": "The operator does not exist.",
    "TP40153": "The initiator is not allowed to initiate this request.",
}

ALREADY_REVERSED, NOT_REVERSIBLE = "R000001", "R000002"
REVERSAL_TEXTS: dict[ResultCode, str] = B2C_TEXTS | {
    2006: "The account status does not allow this transaction.",
    ALREADY_REVERSED: "The transaction has already been reversed.",
    NOT_REVERSIBLE: "The OriginalTransactionID is invalid.",
}

UNKNOWN_RECEIPT = 2032
STATUS_TEXTS: dict[ResultCode, str] = B2C_TEXTS | {
    UNKNOWN_RECEIPT: "The transaction receipt number does not exist."
}
"""Results of the status query itself. TransactionStatus has the outcome of the transaction."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The planned end of a prompt or a command."""

    code: ResultCode = 0
    hold: bool = False
    """Wait until a person or the control API decides."""
    faults: frozenset[str] = field(default_factory=frozenset)
    """The names of faults that belong to the outcome."""


PAID = Outcome()
HOLD = Outcome(hold=True)

SPECIAL: dict[str, Outcome] = {
    "7000": Outcome(faults=frozenset({"callback_lost"})),
    "7002": Outcome(faults=frozenset({"callback_doubled"})),
    "7037": Outcome(faults=frozenset({"late_success"})),
    "7408": Outcome(faults=frozenset({"queue_timeout"})),
    "7777": HOLD,
    "9003": Outcome("SFC_IC0003"),
}
SPECIAL_TEXTS = {
    "7000": "the money moves, the callback is lost",
    "7002": "the money moves, the callback is sent twice",
    "7037": "late_success: first 1037 (payouts: time-out), then the money moves",
    "7408": "payouts only: posted to QueueTimeOutURL, no money moves",
    "7777": "waits for a person or the control API",
    "9003": "result SFC_IC0003",
}
_NAMED = {
    "paid": PAID,
    "hold": HOLD,
    "late_success": SPECIAL["7037"],
    "pending": HOLD,
    "wrong_pin": Outcome(WRONG_PIN),
}


def _by_digits(digits: str, texts: dict[ResultCode, str]) -> Outcome | None:
    if digits in SPECIAL:
        return SPECIAL[digits]
    code = int(digits)
    return Outcome(code) if code and code in texts else None


def outcome_for(msisdn: str, amount: int, texts: dict[ResultCode, str]) -> Outcome | None:
    """Return the outcome that the number chooses, else that of the amount, else None."""
    by_phone = _by_digits(msisdn[-4:], texts) if msisdn[-6:-4] == PREFIX else None
    if by_phone is not None or not 0 < amount - AMOUNT_BASE < 10_000:
        return by_phone
    return _by_digits(f"{amount - AMOUNT_BASE:04d}", texts)


def outcome_named(text: str) -> Outcome:
    """Return the outcome of a name (`paid`, `hold`, `late_success`, `pending`, `wrong_pin`) or a code."""
    return _NAMED.get(text) or Outcome(result_code(text))


def result_code(value: ResultCode) -> ResultCode:
    """Return a result code with Daraja's type: an int for a number, otherwise a text."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() else text


def table() -> list[tuple[str, str, str]]:
    """Return the table of outcomes: last four digits, STK push, B2C."""
    codes = sorted({c for c in [*STK_TEXTS, *B2C_TEXTS] if isinstance(c, int) and c})
    rows = [(f"{c:04d}", _stk_cell(c), _cell(c, B2C_TEXTS)) for c in codes]
    return rows + [(digits, text, "same") for digits, text in SPECIAL_TEXTS.items()]


def _stk_cell(code: int) -> str:
    cell = _cell(code, STK_TEXTS)
    return f"{cell} ({PHONE_TEXTS[code]})" if code in PHONE_TEXTS else cell


def _cell(code: int, texts: dict[ResultCode, str]) -> str:
    return f"{code} {texts[code]}" if code in texts else "paid"
