"""Requests and responses about refunds."""

from marshmallow import fields

from mpesa_service.domain.commands import RefundMethod
from mpesa_service.payments.schemas import PaymentSchema, RefundSchema
from mpesa_service.web.fields import RequestSchema, Shillings


class RefundRequestSchema(RequestSchema):
    amount = Shillings(
        metadata={
            "type": "integer",
            "minimum": 1,
            "description": "Whole shillings. Default: all that is left.",
        },
    )
    method = fields.Enum(
        RefundMethod,
        by_value=True,
        metadata={
            "description": "`b2c`: to the phone that paid. `reversal`: the whole payment, by its receipt."
            " Default: to the phone, or by reversal if the phone is unknown."
        },
    )


class RefundedSchema(RefundSchema):
    """The outcome of a refund request, with the payment."""

    payment = fields.Nested(PaymentSchema)
