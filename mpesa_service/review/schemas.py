"""What a person says of a payment in review, and what is listed for them."""

from marshmallow import Schema, fields, validate

from mpesa_service.payments.schemas import PaymentSchema
from mpesa_service.web.fields import Shillings

LARGEST_AMOUNT = 1_000_000_000
"""Shillings; far more than M-Pesa moves at once."""


class ResolveSchema(Schema):
    """A person's decision."""

    action = fields.String(
        required=True,
        validate=validate.OneOf(["settle", "fail"]),
        metadata={"description": "`settle`: the money arrived (was paid). `fail`: it did not (was not)."},
    )
    reason = fields.String(
        required=True,
        validate=validate.Length(1, 500),
        metadata={"description": "Why; kept in the audit trail with who decided."},
    )
    receipt = fields.String(
        load_default=None,
        validate=validate.Regexp(r"^[A-Za-z0-9]{6,32}\Z"),
        metadata={"description": "The M-Pesa receipt that proves it, if there is one."},
    )
    amount = Shillings(
        allow_none=False,  # a lost variable must not settle for what was asked
        validate=validate.Range(max=LARGEST_AMOUNT),
        metadata={
            "type": "integer",
            "minimum": 1,
            "description": "With `settle`, for a payment in review: what the customer really paid, where"
            " M-Pesa's statement shows another amount than was asked. The payment is of it from then on.",
        },
    )


class ReviewQuerySchema(Schema):
    """Which page of the list."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    after = fields.String(
        load_default="",
        validate=validate.Regexp(r"^[0-9a-f]{0,24}\Z"),
        metadata={"description": "The `_id` of the last one of the page before."},
    )


class ReviewEnvelope(Schema):
    """Payments that wait for a person, oldest first."""

    success = fields.Boolean()
    message = fields.String()
    data = fields.List(fields.Nested(PaymentSchema))
