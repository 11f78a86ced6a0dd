"""The option `lenient`: completes and corrects a request before its fields are read.

It is for programs and SDKs under test that leave out fields, use another content type, or write a phone
number in another way. Daraja refuses such requests, so the option is off by default.
"""

import re
from decimal import Decimal, InvalidOperation

from flask import Request

from daraja_simulator.wire import Json, subscriber

_INITIATOR = {"Remarks": "None", "QueueTimeOutURL": "=ResultURL"}
_IDENTIFIER = {"IdentifierType": "4"}
_RECEIVER = "RecieverIdentifierType"
_DEFAULTS: dict[str, dict[str, str]] = {
    "stk_push": {
        "TransactionType": "CustomerPayBillOnline",
        "PartyA": "=PhoneNumber",
        "PhoneNumber": "=PartyA",
        "PartyB": "=BusinessShortCode",
        "AccountReference": "TEST",
    },
    "b2c": _INITIATOR | {"CommandID": "BusinessPayment"},
    "b2pochi": _INITIATOR | {"CommandID": "BusinessPayToPochi"},
    "b2b": _INITIATOR | {"CommandID": "BusinessPayBill", "AccountReference": "TEST"},
    "reversal": _INITIATOR | {"CommandID": "TransactionReversal"},
    "transaction_status": _INITIATOR | {"CommandID": "TransactionStatusQuery"},
    "account_balance": _INITIATOR | {"CommandID": "AccountBalance"},
    "c2b_register": {"ResponseType": "Completed", "ValidationURL": "=ConfirmationURL"},
    "c2b_simulate": {"CommandID": "CustomerPayBillOnline", "BillRefNumber": "TEST"},
}
"""What a missing field becomes. `=` stands for the value of another field."""

_FIXED: dict[str, dict[str, str]] = {
    "b2b": {"SenderIdentifierType": "4", _RECEIVER: "4"},
    "reversal": {_RECEIVER: "11"},
    "transaction_status": _IDENTIFIER,
    "account_balance": _IDENTIFIER,
}
"""Fields with one valid value."""

_TILL = "CustomerBuyGoodsOnline"
_PHONES = ("PhoneNumber", "Msisdn", "Requester")
_PAYERS = {"stk_push": ("PartyA",), "b2c": ("PartyB",), "b2pochi": ("PartyB",)}
_LONGEST = {
    "stk_push": {"AccountReference": 12, "TransactionDesc": 13},
    "b2b": {"AccountReference": 13},
    "c2b_simulate": {"BillRefNumber": 20},
}
_TEXTS = {"Remarks": 100, "Occasion": 100, "Occassion": 100}
_NAMES = [
    "BusinessShortCode",
    "Password",
    "Timestamp",
    "TransactionType",
    "Amount",
    "PartyA",
    "PartyB",
    "PhoneNumber",
    "CallBackURL",
    "AccountReference",
    "TransactionDesc",
    "CheckoutRequestID",
    "OriginatorConversationID",
    "InitiatorName",
    "Initiator",
    "SecurityCredential",
    "CommandID",
    "Remarks",
    "QueueTimeOutURL",
    "ResultURL",
    "Occasion",
    "Occassion",
    "TransactionID",
    "OriginalConversationID",
    "ReceiverParty",
    "RecieverIdentifierType",
    "SenderIdentifierType",
    "IdentifierType",
    "ShortCode",
    "ResponseType",
    "ConfirmationURL",
    "ValidationURL",
    "Msisdn",
    "BillRefNumber",
    "Requester",
]
_BY_LOWER = {name.lower(): name for name in _NAMES}


def body_of(request: Request) -> Json:
    """Return the fields of a JSON object or a form, whatever the content type says."""
    body = request.get_json(silent=True, force=True)
    return body if isinstance(body, dict) else request.form.to_dict()


def completed(operation: str, body: Json) -> Json:
    """Return the body with Daraja's names, without invalid optional values, and with missing fields."""
    body = {_BY_LOWER.get(str(name).lower(), name): value for name, value in body.items()}
    body = {name: value.strip() if isinstance(value, str) else value for name, value in body.items()}
    body = {name: value for name, value in body.items() if value not in (None, "")}
    to_till = body.get("CommandID") == _TILL
    for name, default in _DEFAULTS.get(operation, {}).items():
        source = default.removeprefix("=")
        value = body.get(source) if default != source else default
        if name not in body and value is not None and not (to_till and name == "BillRefNumber"):
            body[name] = value
    return _corrected(operation, body) | _FIXED.get(operation, {})


def _corrected(operation: str, body: Json) -> Json:
    if "Amount" in body:
        body["Amount"] = _amount(body["Amount"])
    for name in (*_PHONES, *_PAYERS.get(operation, ())):
        if name in body:
            body[name] = subscriber(str(body[name])) or body[name]
    for name, longest in (_TEXTS | _LONGEST.get(operation, {})).items():
        if name in body:
            text = "".join(letter for letter in str(body[name]) if letter.isprintable())
            body[name] = text[:longest]
    if len(str(body.get("Remarks", "None"))) < 2:
        body["Remarks"] = "None"
    return body


def _amount(value: object) -> object:
    """Return "1,000.00" and 1000.0 as 1000. Leave what is no whole amount as it is."""
    try:
        amount = Decimal(re.sub(r"[,\s]|KES|Ksh", "", str(value), flags=re.IGNORECASE))
        return int(amount) if amount == int(amount) else str(amount)
    except (InvalidOperation, ValueError, OverflowError):
        return value
