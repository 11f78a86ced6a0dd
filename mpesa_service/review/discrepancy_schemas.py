"""Discrepancies, and the decisions on them."""

from marshmallow import Schema, fields

from mpesa_service.domain.discrepancies import DiscrepancyKind
from mpesa_service.web.fields import Pattern, ReasonField, RequestSchema, text_field, time_field


class CloseDiscrepancySchema(RequestSchema):
    """The decision on a discrepancy."""

    reason = ReasonField(required=True)
    belongs_to = fields.String(
        data_key="belongsTo",
        load_default=None,
        validate=Pattern(r"^[A-Za-z0-9]{6,32}$", error="must be a receipt or an `_id`."),
        metadata={
            "description": "Whose money the line is: the receipt or `_id` of the payment that was reversed,"
            " or the `_id` of the refund or payout that was paid and that failed here or is in review, or the"
            " payment that is absent. That one is then in review."
        },
    )


class CandidateSchema(Schema):
    """A refund or payout that a line of a statement may be, because it is not paid."""

    id = fields.String(data_key="_id")
    kind = fields.String(metadata={"description": "`refund` or `payout`."})
    status = fields.String()
    parent_id = fields.String(
        data_key="parentId", metadata={"description": "The payment of the refund, or the payout's batch."}
    )


class DiscrepancySchema(Schema):
    """What M-Pesa reports, and what fits no status of a payment, refund or payout."""

    id = fields.String(data_key="_id", metadata={"description": "The value for `after` and for paths."})
    kind = fields.Enum(DiscrepancyKind, by_value=True)
    receipt = fields.String(data_key="mpesaReceiptNumber", metadata={"description": "Empty for `unread`."})
    amount = fields.String(metadata={"description": "In shillings, with cents; money that left is negative."})
    sentence = fields.String(metadata={"description": "What does not fit."})
    resource_id = text_field("resourceId", "The payment, refund or payout that it may concern.")
    candidates = fields.List(
        fields.Nested(CandidateSchema),
        metadata={
            "description": "Of a `payout` or `reversal`: refunds and payouts of its amount that it may be."
        },
    )
    account = text_field(
        "account", "The account that a repeated confirmation names; phone numbers are masked."
    )
    statement_id = text_field("statementId")
    row_number = fields.Integer(data_key="row", allow_none=True)
    created_at = time_field("createdAt")
    closed_at = time_field("closedAt", nullable=True)
    closed_by = text_field("closedBy")
    closed_why = text_field("closedWhy", "The reason.")
    belongs_to = text_field("belongsTo", "The payment, refund or payout that went to review.")
