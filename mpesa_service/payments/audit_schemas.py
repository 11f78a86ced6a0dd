"""The audit trail of a payment."""

from marshmallow import Schema, fields

from mpesa_service.domain.states import PaymentStatus, RefundStatus
from mpesa_service.web.fields import TIME_EXAMPLE, NairobiTime

_STATUSES = sorted({status.public for words in (PaymentStatus, RefundStatus) for status in words})


class TrailEventSchema(Schema):
    """One line of the audit trail: a change of state, or a note that changed none."""

    sequence = fields.Integer(metadata={"description": "Counts the payment's lines from 1."})
    at = NairobiTime(metadata=TIME_EXAMPLE)
    actor = fields.String(
        metadata={"description": "`mpesa`, `service`, a caller's `sub`, or `operator:` and a name."}
    )
    before = fields.String(data_key="from", allow_none=True, metadata={"enum": [*_STATUSES, None]})
    after = fields.String(data_key="to", metadata={"enum": _STATUSES})
    cause = fields.String(metadata={"description": "The name of the change, for programs."})
    sentence = fields.String(metadata={"description": "The same for people."})
    evidence = fields.String(allow_none=True, metadata={"description": "What it rests on."})
    refund = fields.String(
        allow_none=True, metadata={"description": "`_id` of the refund whose states these are."}
    )
    refund_id = fields.String(
        data_key="refundId", allow_none=True, metadata={"description": "Its ConversationID, once known."}
    )


class TrailEnvelope(Schema):
    """What happened to a payment, in order."""

    success = fields.Boolean()
    message = fields.String()
    data = fields.List(fields.Nested(TrailEventSchema))
