"""What callers send and get about refunds."""

from marshmallow import Schema, fields

from mpesa_service.domain.commands import RefundMethod
from mpesa_service.payments.schemas import PaymentSchema, RefundSchema
from mpesa_service.web.envelopes import Envelope
from mpesa_service.web.fields import Shillings


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


class RefundedSchema(RefundSchema):
    """What a refund request led to, with the payment as it stands."""

    payment = fields.Nested(PaymentSchema)


class RefundEnvelope(Envelope):
    data = fields.Nested(RefundedSchema)


class RefundListEnvelope(Envelope):
    data = fields.List(fields.Nested(RefundSchema))
