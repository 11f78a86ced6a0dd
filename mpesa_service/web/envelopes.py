"""What every answer has in common."""

from marshmallow import Schema, fields


class Envelope(Schema):
    success = fields.Boolean(dump_default=True)
    message = fields.String()


class ErrorSchema(Schema):
    """Every error of the API."""

    error = fields.String(required=True, metadata={"example": "Bad Request"})
    message = fields.String(required=True, metadata={"description": "A sentence for people."})
    code = fields.String(required=True, metadata={"description": "A stable slug for programs."})
    request_id = fields.String(
        data_key="requestId", required=True, metadata={"description": "Find it in the log."}
    )
    details = fields.Dict(metadata={"description": "Ids and figures that help on, if any."})
