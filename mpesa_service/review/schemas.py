"""Decisions on payments and payouts in review, and the lists of them."""

from marshmallow import Schema, fields, validate

from mpesa_service.web.fields import Shillings

LARGEST_AMOUNT = 1_000_000_000
"""Shillings. M-Pesa moves far less in one transaction."""


class ResolveSchema(Schema):
    """An operator's decision."""

    action = fields.String(
        required=True,
        validate=validate.OneOf(["settle", "fail"]),
        metadata={"description": "`settle`: the money arrived or the refund was paid. `fail`: it did not."},
    )
    reason = fields.String(
        required=True,
        validate=validate.Length(1, 500),
        metadata={"description": "The reason. The audit trail keeps it with the operator's name."},
    )
    receipt = fields.String(
        load_default=None,
        validate=validate.Regexp(r"^[A-Za-z0-9]{6,32}\Z"),
        metadata={"description": "The M-Pesa receipt that proves it, if there is one."},
    )
    amount = Shillings(
        # A client that loses its amount must not settle with the requested amount by mistake.
        allow_none=False,
        validate=validate.Range(max=LARGEST_AMOUNT),
        metadata={
            "type": "integer",
            "minimum": 1,
            "description": "With `settle`, for a payment in review: the amount that the customer paid, if"
            " M-Pesa's statement shows another amount than requested. The payment then has this amount.",
        },
    )


class ReviewQuerySchema(Schema):
    """The page of the list to return."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 200))
    after = fields.String(
        load_default="",
        validate=validate.Regexp(r"^[0-9a-f]{0,24}\Z"),
        metadata={"description": "The `_id` of the last entry of the previous page."},
    )
