"""Money that fits no order, what is suggested, and what a person decides."""

from marshmallow import Schema, fields, validate

from mpesa_service.domain.suggestions import MOST_SUGGESTED, Reason
from mpesa_service.domain.unmatched import WhyUnmatched
from mpesa_service.payments.schemas import PaymentSchema
from mpesa_service.web.envelopes import Envelope
from mpesa_service.web.fields import TIME_EXAMPLE, NairobiTime, OrderId


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


class CloseSchema(Schema):
    """Money with cents that was seen to by hand."""

    reason = _reason()


class UnmatchedQuerySchema(Schema):
    """Which page of the list."""

    limit = fields.Integer(load_default=20, validate=validate.Range(1, 50))
    after = fields.String(
        load_default="",
        validate=validate.Regexp(r"^[0-9a-f]{0,24}\Z"),
        metadata={"description": "The `_id` of the last one of the page before."},
    )


class SuggestionSchema(Schema):
    """An announced order that money may be meant for."""

    order_id = fields.String(data_key="orderId")
    score = fields.Integer(metadata={"description": "0 to 100."})
    reasons = fields.List(fields.Enum(Reason, by_value=True))


class UnbookedSchema(Schema):
    """Money whose amount has cents: no payment holds it. It is sent back in M-Pesa's portal."""

    id = fields.String(data_key="_id")
    receipt = fields.String(data_key="mpesaReceiptNumber")
    amount = fields.String(metadata={"description": "Exact, in shillings.", "example": "100.50"})
    bill_reference = fields.String(
        data_key="billReference",
        allow_none=True,
        metadata={"description": "What the payer typed; a phone number in it is masked."},
    )
    phone = fields.String(data_key="phoneNumber", allow_none=True, metadata={"description": "Masked."})
    shortcode = fields.String()
    failure_reason = fields.String(data_key="failureReason")
    transacted_at = NairobiTime(data_key="transactedAt", allow_none=True, metadata=TIME_EXAMPLE)
    received_at = NairobiTime(data_key="receivedAt", metadata=TIME_EXAMPLE)
    closed_at = NairobiTime(data_key="closedAt", allow_none=True, metadata=TIME_EXAMPLE)
    closed_by = fields.String(data_key="closedBy", allow_none=True)


class UnmatchedSchema(Schema):
    """Money without an order: `payment.billReference` is what the payer typed."""

    id = fields.String(data_key="_id", metadata={"description": "For `after`, and to name it."})
    reason = fields.Enum(
        WhyUnmatched,
        by_value=True,
        metadata={"description": "Money of `amount_with_cents` is in `unbooked`; all other in `payment`."},
    )
    payment = fields.Nested(PaymentSchema, allow_none=True)
    unbooked = fields.Nested(UnbookedSchema, allow_none=True)
    suggestions = fields.List(
        fields.Nested(SuggestionSchema),
        metadata={"description": f"The likeliest first, at most {MOST_SUGGESTED}."},
    )


class UnmatchedEnvelope(Envelope):
    """Money without an order, oldest first."""

    data = fields.List(fields.Nested(UnmatchedSchema))


class UnbookedEnvelope(Envelope):
    """Money with cents."""

    data = fields.Nested(UnbookedSchema)
