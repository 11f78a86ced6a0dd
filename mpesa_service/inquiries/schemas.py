"""Questions to M-Pesa, and what it answers."""

import re

from marshmallow import Schema, fields, validate

from mpesa_service.errors import InvalidRequest
from mpesa_service.web.fields import NairobiTime

_TIME = {"type": "string", "format": "date-time", "example": "2026-11-22T14:05:09.120+03:00"}
_RECEIPT = re.compile(r"[A-Z0-9]{6,32}")
MAX_WAIT = 10


def asked_receipt(text: str) -> str:
    """Return the receipt that is asked about, in capitals; raise InvalidRequest if it cannot be one."""
    receipt = text.upper()
    if not _RECEIPT.fullmatch(receipt):
        raise InvalidRequest("A receipt has 6 to 32 letters and digits.", code="invalid_receipt")
    return receipt


def _time(key: str, *, nullable: bool = False) -> NairobiTime:
    return NairobiTime(data_key=key, allow_none=nullable, metadata=_TIME)


def _text(key: str, description: str = "") -> fields.String:
    return fields.String(data_key=key, allow_none=True, metadata={"description": description})


def _money(description: str = "") -> fields.Decimal:
    return fields.Decimal(
        places=2, as_string=True, metadata={"description": description, "example": "228037.00"}
    )


class WaitSchema(Schema):
    """How long to wait for the answer."""

    wait = fields.Integer(
        load_default=0,
        validate=validate.Range(0, MAX_WAIT),
        metadata={"description": "Seconds; without it the answer is fetched by asking again."},
    )


class BalanceQuerySchema(WaitSchema):
    """How much of the balances' history."""

    history = fields.Integer(
        load_default=1,
        validate=validate.Range(1, 1000),
        metadata={"description": "So many of each account, latest first."},
    )


class TransactionSchema(Schema):
    """What M-Pesa says of a transaction."""

    status = _text("status", 'M-Pesa\'s own word; only "Completed" means that it is done.')
    receipt = _text("mpesaReceiptNumber")
    amount = _text("amount", "Shillings, with cents.")
    debit_party = _text("debitParty", "Who paid; a person is masked.")
    credit_party = _text("creditParty", "Who was paid; a person is masked.")
    reason = _text("reasonType")
    finalised_at = _time("finalisedAt", nullable=True)


class OursSchema(Schema):
    """What of our own has the receipt."""

    kind = fields.String(metadata={"enum": ["payment", "refund", "payout"]})
    id = fields.String(data_key="_id")
    status = fields.String()


class InquirySchema(Schema):
    """A question."""

    id = fields.String(data_key="_id")
    kind = fields.String(metadata={"enum": ["status", "balance"]})
    receipt = _text("mpesaReceiptNumber", "What was asked about.")
    status = fields.String(metadata={"enum": ["pending", "answered", "failed"]})
    result_code = _text("resultCode", "Of the question, not of the transaction.")
    failure_reason = _text("failureReason", "Why there is no answer.")
    transaction = fields.Nested(TransactionSchema, allow_none=True)
    ours = fields.Nested(OursSchema, allow_none=True)
    created_at = _time("createdAt")
    completed_at = _time("completedAt", nullable=True)


class BalanceSchema(Schema):
    """What one account held, in shillings with cents."""

    account = fields.String()
    currency = fields.String()
    current = _money()
    available = _money()
    reserved = _money()
    uncleared = _money()
    at = _time("at")


class BalancesSchema(Schema):
    """The balances that are known, and the last question for them."""

    balances = fields.List(fields.Nested(BalanceSchema))
    inquiry = fields.Nested(InquirySchema, allow_none=True)


class _Envelope(Schema):
    success = fields.Boolean(dump_default=True)
    message = fields.String()


class InquiryEnvelope(_Envelope):
    data = fields.Nested(InquirySchema)


class BalancesEnvelope(_Envelope):
    data = fields.Nested(BalancesSchema)
