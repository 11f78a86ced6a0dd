"""The end of an STK push: its callback, and the table of its ResultCodes.

A ResultCode is an int in the callback and a string in the answer to a query.

The same code has different texts in the two places, so only the code counts. A failure
is final for polling, but a success that arrives later is still believed: payments after a 1037
have been reported.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from mpesa_service.daraja import advice
from mpesa_service.daraja.codes import Confidence, ResultCode, unclear
from mpesa_service.daraja.values import (
    MAX_TIME_LENGTH,
    named_values,
    normalize_code,
    optional_value,
    read_description,
    read_identifier,
    read_moment,
    read_moved_amount,
    read_posted,
    read_receipt,
    read_text,
    required_value,
    whole_shillings,
)
from mpesa_service.domain.reports import Outcome

OPERATION = "stk_callback"
_DOCUMENTED = Confidence.DOCUMENTED
_OBSERVED = Confidence.OBSERVED
_REPORTED = Confidence.REPORTED
_CANCELED_SAY = "The request was canceled on the phone. No money was taken. You can try again."
_UNREACHED_SAY = (
    "The phone did not answer the request in time. If you did enter your PIN, "
    "wait for the M-Pesa message before you try again."
)
_ACCOUNT_SAY = "M-Pesa did not allow this payment. Please call Safaricom about your M-Pesa account."
_OURS_SAY = "The payment could not be made because of a fault on our side. No money was taken."
_PROMPT_SAY = "M-Pesa could not show the request on the phone. No money was taken."
_row = ResultCode

_ROWS = (
    _row(
        "0",
        "Paid.",
        "The payment was received. Thank you.",
        _DOCUMENTED,
        outcome=Outcome.PAID,
        resend_safe=False,
    ),
    _row(
        "1",
        "The customer's balance is too low, and no overdraft was available.",
        "There was not enough money in the M-Pesa account. Top up and try again.",
        _DOCUMENTED,
    ),
    _row(
        "2",
        "Below the smallest amount that M-Pesa moves.",
        "The amount is below the smallest that M-Pesa accepts. No money was taken.",
        _DOCUMENTED,
    ),
    _row(
        "3",
        "Above the largest amount of one transaction.",
        "The amount is more than M-Pesa allows in one payment. No money was taken.",
        _DOCUMENTED,
    ),
    _row(
        "4",
        "The customer's daily limit would be exceeded.",
        "This payment would pass your daily M-Pesa limit. Please try again tomorrow.",
        _DOCUMENTED,
    ),
    _row(
        "8",
        "The receiving account would exceed its largest balance.",
        "Our M-Pesa account cannot take the payment now. No money was taken.",
        _DOCUMENTED,
        advice=advice.FULL,
    ),
    _row(
        "15",
        "A duplicate was detected; the twin may have been paid.",
        "M-Pesa sees the same payment twice. Let us check the first one before you pay again.",
        _REPORTED,
        resend_safe=False,
    ),
    _row(
        "17",
        "The same amount from the same customer within two minutes; the first may be paid.",
        "The same amount was sent a moment ago. Wait two minutes, check for M-Pesa's message, "
        "and try again only if there is none.",
        _DOCUMENTED,
        resend_safe=False,
    ),
    _row("21", "The initiator is not allowed to do this: set-up.", _OURS_SAY, _REPORTED),
    _row(
        "26",
        "M-Pesa is overloaded or blocks traffic.",
        "M-Pesa is busy at the moment. No money was taken. Please try again later.",
        _REPORTED,
    ),
    _row(
        "1001",
        "The subscriber is locked by another session, which may still be paid.",
        "Another M-Pesa request is open on the phone. Finish or cancel that one first.",
        _OBSERVED,
        resend_safe=False,
    ),
    _row(
        "1019",
        "The transaction expired before it was handled.",
        "The request was not answered in time. Check for M-Pesa's message before you try again.",
        _DOCUMENTED,
        resend_safe=False,
    ),
    _row(
        "1025",
        "The prompt could not be sent: too long, or a fault.",
        _PROMPT_SAY,
        _DOCUMENTED,
        advice=advice.PROMPT,
    ),
    _row(
        "1031",
        "Canceled by the customer (older spelling of 1032).",
        _CANCELED_SAY,
        _REPORTED,
        outcome=Outcome.CANCELED,
    ),
    _row(
        "1032",
        "Canceled by the customer, or, in older times, the prompt timed out.",
        _CANCELED_SAY,
        _DOCUMENTED,
        outcome=Outcome.CANCELED,
    ),
    _row(
        "1036",
        "The message center did not acknowledge the prompt (2018 to 2019).",
        _UNREACHED_SAY,
        _REPORTED,
        resend_safe=False,
    ),
    _row(
        "1037",
        "The phone is off, unreachable, or nobody answered.",
        _UNREACHED_SAY,
        _DOCUMENTED,
        resend_safe=False,
    ),
    _row("1101", "The prompt's text is too long.", _PROMPT_SAY, _REPORTED, advice=advice.PROMPT),
    _row("1102", "The prompt's text is too long.", _PROMPT_SAY, _REPORTED, advice=advice.PROMPT),
    _row(
        "2001",
        "The customer entered a wrong PIN (in a push this is not our initiator).",
        "The M-Pesa PIN was not right. No money was taken. You can try again.",
        _DOCUMENTED,
    ),
    _row("2006", "The account's state forbids the payment.", _ACCOUNT_SAY, _REPORTED),
    _row("2008", "The customer could not be authenticated.", _ACCOUNT_SAY, _REPORTED),
    _row(
        "2026",
        "The session on the phone expired.",
        _UNREACHED_SAY,
        _REPORTED,
        resend_safe=False,
    ),
    _row(
        "2028",
        "The transaction type does not fit the receiving number: set-up.",
        _OURS_SAY,
        _DOCUMENTED,
        advice=advice.PAIRING,
    ),
    _row("2029", "M-Pesa could not resolve the reason type.", _OURS_SAY, _REPORTED),
    _row(
        "4999",
        "Still being processed; only a query says so.",
        "M-Pesa is still working on the payment. Please answer the request on the phone.",
        _OBSERVED,
        outcome=Outcome.PENDING,
        resend_safe=False,
    ),
    _row(
        "8006",
        "The customer's PIN is locked.",
        "The M-Pesa PIN is locked. Please call Safaricom to unlock it.",
        _DOCUMENTED,
    ),
    _row("9999", "The prompt could not be sent: a fault at M-Pesa.", _PROMPT_SAY, _OBSERVED),
    _row(
        "SFC_IC0003",
        "The receiving number does not exist: till and store number mixed up.",
        _OURS_SAY,
        _DOCUMENTED,
        advice=advice.PAIRING,
    ),
)

STK_RESULTS: dict[str, ResultCode] = {row.code: row for row in _ROWS}


def stk_result(code: object) -> ResultCode:
    """Look up a ResultCode of a push, of any type; an unknown one is UNCLEAR."""
    text = normalize_code(code)
    return STK_RESULTS.get(text) or unclear(text)


@dataclass(frozen=True, kw_only=True)
class StkCallback:
    """The result of a push, as claimed. Only a success has amount, receipt, phone and time.

    `amount` is in shillings; `shillings` is the same, or None if it is not whole. Both are None if the
    callback names no amount. `paid_at` is when the money moved, by TransactionDate, aware and in UTC;
    `paid_at_text` is what TransactionDate contains, cut.
    `phone` is text, perhaps masked. `merchant_request_id` is None if it is missing.
    """

    merchant_request_id: str | None
    checkout_request_id: str = field(repr=False)
    result: ResultCode
    result_desc: str
    amount: Decimal | None
    shillings: int | None
    receipt: str | None
    phone: str | None = field(repr=False)
    paid_at: datetime | None
    paid_at_text: str | None
    raw: dict[str, object] = field(repr=False)


def parse_stk_callback(raw: bytes) -> StkCallback:
    """Read the callback of an STK push.

    Raises UnreadableCallback if CheckoutRequestID or ResultCode is missing or odd, or if a callback about a
    paid push names an amount or a receipt that cannot be read. Every other odd value is read as absent.
    """
    callback, document = read_posted(raw, OPERATION, "CheckoutRequestID")
    result = stk_result(required_value(callback, "ResultCode", normalize_code, OPERATION))
    paid = result.outcome is Outcome.PAID
    metadata = callback.get("CallbackMetadata")
    items = metadata.get("Item") if paid and isinstance(metadata, dict) else None
    values = named_values(items, "Name")
    amount = optional_value(values, "Amount", read_moved_amount, OPERATION)
    stated = values.get("TransactionDate")
    return StkCallback(
        merchant_request_id=read_identifier(callback.get("MerchantRequestID")),
        checkout_request_id=required_value(callback, "CheckoutRequestID", read_identifier, OPERATION),
        result=result,
        result_desc=read_description(callback.get("ResultDesc")),
        amount=amount,
        shillings=whole_shillings(amount),
        receipt=optional_value(values, "MpesaReceiptNumber", read_receipt, OPERATION),
        phone=read_text(values.get("PhoneNumber")),
        paid_at=read_moment(stated),
        paid_at_text=None if stated is None else str(stated)[:MAX_TIME_LENGTH],
        raw=document,
    )
