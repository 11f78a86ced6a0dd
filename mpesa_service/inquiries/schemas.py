"""Questions to M-Pesa, and what it answers."""

import re

from marshmallow import Schema, fields, validate

from mpesa_service.errors import InvalidRequest
from mpesa_service.web.fields import text_field, time_field

_RECEIPT = re.compile(r"[A-Z0-9]{6,32}")
MAX_WAIT = 10


def asked_receipt(text: str) -> str:
    """Return the receipt that is asked about, in capitals; raise InvalidRequest if it cannot be one."""
    receipt = text.upper()
    if not _RECEIPT.fullmatch(receipt):
        raise InvalidRequest("A receipt has 6 to 32 letters and digits.", code="invalid_receipt")
    return receipt


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

    status = text_field("status", 'M-Pesa\'s own word; only "Completed" means that it is done.')
    receipt = text_field("mpesaReceiptNumber")
    amount = text_field("amount", "Shillings, with cents.")
    debit_party = text_field("debitParty", "Who paid; a person is masked.")
    credit_party = text_field("creditParty", "Who was paid; a person is masked.")
    reason = text_field("reasonType")
    finalised_at = time_field("finalisedAt", nullable=True)


class OursSchema(Schema):
    """What of our own has the receipt."""

    kind = fields.String(metadata={"enum": ["payment", "refund", "payout"]})
    id = fields.String(data_key="_id")
    status = fields.String()


class InquirySchema(Schema):
    """A question."""

    id = fields.String(data_key="_id")
    kind = fields.String(metadata={"enum": ["status", "balance"]})
    receipt = text_field("mpesaReceiptNumber", "What was asked about.")
    status = fields.String(metadata={"enum": ["pending", "answered", "failed"]})
    result_code = text_field("resultCode", "Of the question, not of the transaction.")
    failure_reason = text_field("failureReason", "Why there is no answer.")
    transaction = fields.Nested(TransactionSchema, allow_none=True)
    ours = fields.Nested(OursSchema, allow_none=True)
    created_at = time_field("createdAt")
    completed_at = time_field("completedAt", nullable=True)


class BalanceSchema(Schema):
    """What one account held, in shillings with cents."""

    account = fields.String()
    currency = fields.String()
    current = _money()
    available = _money()
    reserved = _money()
    uncleared = _money()
    at = time_field("at")


class BalancesSchema(Schema):
    """The balances that are known, and the last question for them."""

    balances = fields.List(fields.Nested(BalanceSchema))
    inquiry = fields.Nested(InquirySchema, allow_none=True)
