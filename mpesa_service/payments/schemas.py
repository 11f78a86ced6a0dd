"""What callers send. Unknown fields are refused."""

from marshmallow import Schema, fields

from mpesa_service.domain.commands import RefundMethod
from mpesa_service.web.fields import Metadata, OrderId, PhoneNumber, Shillings


class InitiateSchema(Schema):
    """A payment to start."""

    order_id = OrderId(
        data_key="orderId",
        required=True,
        metadata={"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "example": "ORDER-1001"},
    )
    amount = Shillings(
        required=True,
        metadata={
            "type": "integer",
            "minimum": 1,
            "description": "Whole shillings.",
            "example": 100,
        },
    )
    phone_number = PhoneNumber(
        data_key="phoneNumber",
        required=True,
        metadata={
            "type": "string",
            "example": "0712345678",
            "description": "254XXXXXXXXX, 0XXXXXXXXX or XXXXXXXXX, starting with 7 or 1.",
        },
    )
    metadata = Metadata(
        load_default=dict,
        metadata={"type": "object", "description": "Yours; kept and given back. 4 kB, 5 deep."},
    )


class RefundRequestSchema(Schema):
    """A refund to pay."""

    amount = Shillings(
        metadata={
            "type": "integer",
            "minimum": 1,
            "description": "Whole shillings; all that is left when absent.",
        },
    )
    method = fields.Enum(
        RefundMethod,
        by_value=True,
        metadata={
            "description": "`b2c`: to the phone that paid. `reversal`: the whole payment, by its receipt."
            " When absent: to the phone, or where that is not known, by reversal."
        },
    )
