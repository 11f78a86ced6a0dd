"""Requests and responses about refunds."""

from typing import Any

from marshmallow import fields

from mpesa_service.domain.commands import RefundMethod
from mpesa_service.payments.schemas import PaymentSchema, RefundSchema
from mpesa_service.web.fields import PhoneNumber, RequestSchema, Shillings, characters


class _TrueOrFalse(fields.Boolean):
    """A JSON boolean, never a number or a text."""

    def _deserialize(self, value: Any, *arguments: Any, **more: Any) -> Any:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return super()._deserialize(value, *arguments, **more)


def different_payer_field() -> fields.Boolean:
    """Return the field that confirms a number that disagrees with the payer."""
    return _TrueOrFalse(
        data_key="confirmDifferentPayer",
        metadata={"description": "`true`: the money goes to `phoneNumber` although it is not the payer's."},
    )


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
    phone_number = PhoneNumber(
        data_key="phoneNumber",
        metadata={
            "type": "string",
            "example": "0712345678",
            "description": "For a C2B payment: the number that the money goes to. It needs a `reason`.",
        },
    )
    confirm_different_payer = different_payer_field()
    reason = fields.String(
        validate=characters(1, 500),
        metadata={"description": "The reason. The audit trail keeps it with the admin's name."},
    )


class RefundedSchema(RefundSchema):
    """The outcome of a refund request, with the payment."""

    payer_agrees = fields.Boolean(
        data_key="payerAgrees",
        allow_none=True,
        metadata={
            "description": "Whether the number can be the payer's. Null: M-Pesa does not reveal enough, or it"
            " is a reversal."
        },
    )
    payment = fields.Nested(PaymentSchema)
