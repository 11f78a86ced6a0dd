"""The audit trail of a payment."""

from marshmallow import Schema, fields

from mpesa_service.domain.states import PaymentStatus, RefundStatus
from mpesa_service.web.fields import TIME_EXAMPLE, NairobiTime

_STATUSES = sorted({status.public for words in (PaymentStatus, RefundStatus) for status in words})


class TrailEventSchema(Schema):
    """One line of the audit trail: a change of status, or a note that changes no status."""

    sequence = fields.Integer(metadata={"description": "The number of the line, from 1."})
    at = NairobiTime(metadata=TIME_EXAMPLE)
    actor = fields.String(
        metadata={"description": "`mpesa`, `service`, a caller's `sub`, or `operator:` and a name."}
    )
    before = fields.String(data_key="from", allow_none=True, metadata={"enum": [*_STATUSES, None]})
    after = fields.String(data_key="to", metadata={"enum": _STATUSES})
    cause = fields.String(metadata={"description": "The name of the change, for programs."})
    sentence = fields.String(metadata={"description": "The same as a sentence."})
    evidence = fields.String(
        allow_none=True, metadata={"description": "The source that the status is based on."}
    )
    refund = fields.String(
        allow_none=True, metadata={"description": "`_id` of the refund that the line is about."}
    )
    refund_id = fields.String(
        data_key="refundId",
        allow_none=True,
        metadata={"description": "The refund's ConversationID; null until it is known."},
    )
