"""An approval in responses, also of the routes whose action waits."""

from marshmallow import Schema, fields

from mpesa_service.core.idempotency import Answer
from mpesa_service.domain.outflow import ApprovalStatus, Limit, OutflowKind
from mpesa_service.outflow.records import ApprovalRecord
from mpesa_service.web.fields import text_field, time_field
from mpesa_service.web.responses import success

WAITS = "Nothing was done: a second person must approve it"


class ApprovalSchema(Schema):
    """An action that waits for a second person, or the decision about it."""

    id = fields.String(data_key="_id")
    kind = fields.Enum(OutflowKind, by_value=True)
    status = fields.Enum(ApprovalStatus, by_value=True)
    subject_id = fields.String(
        data_key="subjectId",
        metadata={"description": "The payment, payout batch, payout or inquiry that it is about."},
    )
    order_id = text_field("orderId", "The order, if it is about one.")
    amount = fields.Integer(metadata={"description": "Shillings."})
    payee = text_field("payee", "Who gets the money; phone numbers are masked.")
    limits = fields.List(
        fields.Enum(Limit, by_value=True), metadata={"description": "The limits that it exceeds."}
    )
    reason = text_field("reason", "The reason of the person who requested it.")
    requested_by = fields.String(data_key="requestedBy")
    created_at = time_field("requestedAt")
    expires_at = time_field("expiresAt")
    decided_by = text_field("decidedBy")
    decided_at = time_field("decidedAt", nullable=True)
    decided_why = text_field("decisionReason", "The reason of the person who decided.")
    result_id = text_field("resultId", "The refund, batch or payment that the approved action made.")


class WaitingSchema(Schema):
    """The data of an action that waits for a second person: nothing was done."""

    approval = fields.Nested(ApprovalSchema)


def waiting_answer(record: ApprovalRecord) -> Answer:
    """Return the response of an action that waits for a second person."""
    return success(202, WAITS, {"approval": ApprovalSchema().dump(record)})
