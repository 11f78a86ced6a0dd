"""Callbacks that cannot be read, and the decisions on them."""

from marshmallow import Schema, fields

from mpesa_service.domain.callbacks import CallbackKind, InboxVerdict
from mpesa_service.web.fields import ReasonField, RequestSchema, between, text_field, time_field
from mpesa_service.web.list_queries import IdPageSchema


class UnreadQuerySchema(IdPageSchema):
    """The page of the list to return."""

    limit = fields.Integer(load_default=50, validate=between(1, 100))


class DismissSchema(RequestSchema):
    """The decision that a callback needs nothing."""

    reason = ReasonField(required=True)


class CallbackSchema(Schema):
    """A stored callback, without its body."""

    id = fields.String(data_key="_id", metadata={"description": "The value for `after` and for paths."})
    kind = fields.Enum(CallbackKind, by_value=True, metadata={"description": "The kind of its address."})
    verdict = fields.Enum(InboxVerdict, by_value=True)
    reason = text_field("reason", "Why it cannot be read, or what it did.")
    received_at = time_field("receivedAt")
    source_address = text_field("sourceAddress", "The network address that posted it.")
    size = fields.Integer(metadata={"description": "Bytes that were posted."})
    cut = fields.Boolean(
        metadata={"description": "They were too many, so only the beginning is stored. It cannot be applied."}
    )
    full_sha256 = text_field("sha256", "The SHA-256 of all posted bytes, in hex. Only if `cut` is true.")
    outline = fields.String(
        metadata={"description": "The beginning of the body. Only M-Pesa's own words are readable."}
    )
    attempts = fields.Integer(metadata={"description": "How often the service has tried to apply it."})
    payment_id = text_field("paymentId", "The payment of its address, or that it was applied to.")
    refund_id = text_field("refundId")
    payout_id = text_field("payoutId")
    inquiry_id = text_field("inquiryId")
    decided_at = time_field("decidedAt", nullable=True)
    decided_by = text_field("decidedBy", "Who applied or dismissed it.")
    decided_why = text_field("decidedWhy", "The reason for dismissing it.")
