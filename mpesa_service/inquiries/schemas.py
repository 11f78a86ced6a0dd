"""Schemas of inquiries and of M-Pesa's answers."""

import re
from typing import Any

from marshmallow import Schema, fields

from mpesa_service.errors import InvalidRequest
from mpesa_service.inquiries.ours import KINDS
from mpesa_service.web.fields import RequestSchema, between, evidence_field, text_field, time_field

_RECEIPT = re.compile(r"[A-Z0-9]{6,32}")
MAX_WAIT = 10


def parse_receipt(text: str) -> str:
    """Return the receipt of a query, in capitals; raise InvalidRequest if it cannot be one."""
    receipt = text.upper()
    if not _RECEIPT.fullmatch(receipt):
        raise InvalidRequest("A receipt has 6 to 32 letters and digits.", code="invalid_receipt")
    return receipt


def _money(description: str = "") -> fields.Decimal:
    metadata = {"type": "string", "description": description, "example": "228037.00"}
    return fields.Decimal(places=2, as_string=True, metadata=metadata)


class WaitSchema(RequestSchema):
    """How long to wait for the answer."""

    wait = fields.Integer(
        load_default=0,
        validate=between(0, MAX_WAIT),
        metadata={"description": "Seconds. Without it, repeat the request for the answer."},
    )


class BalanceQuerySchema(WaitSchema):
    """How many balances to list."""

    history = fields.Integer(
        load_default=1,
        validate=between(1, 1000),
        metadata={"description": "How many balances of each account, newest first."},
    )


class TransactionSchema(Schema):
    """M-Pesa's report on a transaction."""

    status = text_field("status", 'M-Pesa\'s own word; only "Completed" means that it is done.')
    receipt = text_field("mpesaReceiptNumber")
    amount = text_field("amount", "Shillings, with cents.")
    debit_party = text_field("debitParty", "Who paid; a person is masked.")
    credit_party = text_field("creditParty", "Who was paid; a person is masked.")
    reason = text_field("reasonType")
    finalised_at = time_field("finalisedAt", nullable=True)


class OursSchema(Schema):
    """The record of this service that has the receipt."""

    kind = fields.String(
        metadata={
            "enum": KINDS,
            "description": "`fractional`: a fractional amount. `confirmation`: it waits to be matched.",
        }
    )
    id = fields.String(data_key="_id")
    status = fields.String()
    amount = _money("Shillings, with cents.")
    order_id = text_field("orderId", "Of a refund: the order of its payment.")
    evidence = evidence_field()
    at = time_field("at", "M-Pesa's own time of a payment, else when the outcome was stored.", nullable=True)


def _booking(record: Any) -> dict[str, Any] | None:
    if record.booking is None:
        return None
    return {"status": record.booking, "reason": record.booking_reason, "paymentId": record.payment_id}


class InquirySchema(Schema):
    id = fields.String(data_key="_id")
    kind = fields.String(metadata={"enum": ["status", "balance"]})
    receipt = text_field("mpesaReceiptNumber", "The receipt that was queried.")
    status = fields.String(metadata={"enum": ["pending", "answered", "failed"]})
    result_code = text_field("resultCode", "Of the inquiry, not of the transaction.")
    failure_reason = text_field("failureReason", "Why there is no answer.")
    transaction = fields.Nested(TransactionSchema, allow_none=True)
    ours = fields.Nested(OursSchema, allow_none=True)
    booking = fields.Function(
        _booking,
        metadata={
            "type": ["object", "null"],
            "description": "What became of the request to book it: `status`, `reason` and `paymentId`.",
        },
    )
    created_at = time_field("createdAt")
    completed_at = time_field("completedAt", nullable=True)


class BalanceSchema(Schema):
    """The balance of one account, in shillings with cents."""

    account = fields.String()
    currency = fields.String()
    current = _money()
    available = _money()
    reserved = _money()
    uncleared = _money()
    at = time_field("at")


class BalancesSchema(Schema):
    """The last reported balances, and the last inquiry about them."""

    balances = fields.List(fields.Nested(BalanceSchema))
    inquiry = fields.Nested(InquirySchema, allow_none=True)
