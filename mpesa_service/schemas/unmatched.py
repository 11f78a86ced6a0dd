"""Money that fits no order, what is suggested, and what a person decides."""

from marshmallow import Schema, fields, validate

from mpesa_service.domain.suggestions import MOST_SUGGESTED, Reason
from mpesa_service.schemas.fields import OrderId
from mpesa_service.schemas.responses import PaymentSchema


def _reason() -> fields.String:
    return fields.String(
        required=True,
        validate=validate.Length(1, 500),
        metadata={"description": "Why; kept in the audit trail with who decided."},
    )


class MatchSchema(Schema):
    """The order that money is meant for."""

    order_id = OrderId(
        data_key="orderId",
        required=True,
        metadata={"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "example": "ORDER-1001"},
    )
    reason = _reason()


class ReturnSchema(Schema):
    """Money to be sent back."""

    reason = _reason()


class UnmatchedQuerySchema(Schema):
    """Which page of the list."""

    limit = fields.Integer(load_default=20, validate=validate.Range(1, 50))
    after = fields.String(
        load_default="",
        validate=validate.Regexp(r"^[0-9a-f]{0,24}\Z"),
        metadata={"description": "The `_id` of the last payment of the page before."},
    )


class SuggestionSchema(Schema):
    """An announced order that money may be meant for."""

    order_id = fields.String(data_key="orderId")
    score = fields.Integer(metadata={"description": "0 to 100."})
    reasons = fields.List(fields.Enum(Reason, by_value=True))


class UnmatchedSchema(Schema):
    """Money without an order: `payment.billReference` is what the payer typed."""

    payment = fields.Nested(PaymentSchema)
    suggestions = fields.List(
        fields.Nested(SuggestionSchema),
        metadata={"description": f"The likeliest first, at most {MOST_SUGGESTED}."},
    )


class UnmatchedEnvelope(Schema):
    """Money without an order, oldest first."""

    success = fields.Boolean(dump_default=True)
    message = fields.String()
    data = fields.List(fields.Nested(UnmatchedSchema))
